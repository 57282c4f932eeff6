// What keeps a page as it is begins when all of the page is there. Where the rest never comes, or that script does
// not, the page would be believed for ever: this calls it old, and takes it anew once the server answers.
(function () {
  "use strict";
  var PATIENCE = 12; // seconds without anything more of the page, or for its script to begin; as in live.js
  var RETRY = 8; // seconds between two questions whether the server answers
  var began = Date.now(), there = 0, came = 0, tried = 0, asking = false;
  var looking = setInterval(look, 1000);

  // Seconds since the page was asked for: one clock may be set, the other may sleep with the machine.
  function age() {
    return Math.max(Date.now() - began, performance.now()) / 1000;
  }

  function look() {
    var body = document.body, elements = document.getElementsByTagName("*").length;
    if (body && body.dataset.begun) { clearInterval(looking); return; }
    if (elements !== there) { there = elements; came = age(); } // a slow link is no lost one
    if (body && age() > (Number(body.dataset.old) || PATIENCE)) tell(body);
    if (age() - came > PATIENCE && age() - tried > RETRY && !asking && !busy()) ask();
  }

  function tell(body) {
    var banner = document.getElementById("lost") || document.getElementById("old");
    if (!body.classList.contains("stale") && banner && banner.dataset.title) {
      document.title = banner.dataset.title + document.title;
    }
    body.classList.add("stale");
    if (!banner) return; // nothing that it would be said of is there either
    banner.hidden = false;
    var place = banner.querySelector("b");
    if (place) place.textContent = span(Math.floor(age()));
  }

  function span(seconds) {
    var minutes = Math.floor(seconds / 60), rest = minutes % 60;
    if (seconds < 60) return seconds + "\u00a0s";
    if (minutes < 60) return minutes + "\u00a0min";
    return (minutes - rest) / 60 + "\u00a0h\u00a0" + (rest < 10 ? "0" : "") + rest;
  }

  // Somebody is filling in a form, or has yet to read why it was not taken: that is not taken away.
  function busy() {
    return Boolean(document.querySelector("[data-kept]")) ||
      Array.prototype.some.call(document.querySelectorAll("input"), function (input) {
        return input === document.activeElement || input.value !== input.defaultValue;
      });
  }

  // An error would take the place of what can still be read: the page is left for one that is there.
  function ask() {
    var own = document.body && document.body.dataset.page; // not of what was posted
    asking = true;
    tried = age();
    fetch(own || location.href, { method: "HEAD", cache: "no-store" }).then(function (answer) {
      asking = false;
      var begun = document.body && document.body.dataset.begun;
      if (!(answer.ok || answer.status === 401) || begun || busy()) return;
      if (own) location.replace(own); else location.reload();
    }).catch(function () { asking = false; });
  }
})();
