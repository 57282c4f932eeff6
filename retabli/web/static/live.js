// Keeps an open page as it is: rows as they change, times as they pass, and the truth when the connection is lost.
(function () {
  "use strict";
  var body = document.body;
  var french = document.documentElement.lang === "fr";
  var began = Date.now();
  var base = Number(body.dataset.now);
  var pace = Number(body.dataset.pace) || 1;
  var heard = Date.now();
  var lost = false;
  var waiting = null;

  function now() {
    return base + (Date.now() - began) * pace;
  }

  // The same as the server's `span`.
  function span(seconds) {
    var s = Math.max(0, Math.floor(seconds));
    var two = function (n) { return (n < 10 ? "0" : "") + n; };
    if (s < 60) return s + "\u00a0s";
    if (s < 3600) return Math.floor(s / 60) + "\u00a0min";
    if (s < 86400) return Math.floor(s / 3600) + "\u00a0h\u00a0" + two(Math.floor((s % 3600) / 60));
    var days = Math.floor(s / 86400);
    var text = days + "\u00a0" + (french ? "j" : "d");
    var hours = Math.floor((s % 86400) / 3600);
    return days < 10 && hours ? text + "\u00a0" + hours + "\u00a0h" : text;
  }

  function tick() {
    document.querySelectorAll("time[data-ago]").forEach(function (time) {
      var text = span((now() - Date.parse(time.dateTime)) / 1000);
      var place = time.querySelector("b") || time;
      if (place.textContent !== text) place.textContent = text;
    });
    var age = (Date.now() - heard) / 1000;
    if (age > 40) lost = true;
    var banner = document.getElementById("lost");
    banner.hidden = !lost;
    body.classList.toggle("stale", lost);
    if (lost) banner.querySelector("b").textContent = span(age);
  }

  function find(flow) {
    var found = null;
    document.querySelectorAll("[data-flow]").forEach(function (row) {
      if (row.dataset.flow === flow) found = row;
    });
    return found;
  }

  function replace(old, html) {
    var box = document.createElement("template");
    box.innerHTML = html;
    var fresh = box.content.firstElementChild;
    if (!fresh) return;
    if (old.contains(document.activeElement)) {
      var link = fresh.querySelector("a");
      old.replaceWith(fresh);
      if (link) link.focus();
    } else {
      old.replaceWith(fresh);
    }
    if (old.dataset.state !== fresh.dataset.state) fresh.classList.add("moved");
  }

  // Somebody is filling in a form, or has yet to read why it was not taken: that part of the page stays as it is.
  function busy() {
    var desk = document.getElementById("page");
    if (!desk) return false;
    if (desk.dataset.kept || (desk.contains(document.activeElement) && document.activeElement.name)) return true;
    return Array.prototype.some.call(desk.querySelectorAll("input"), function (input) {
      return input.value !== input.defaultValue;
    });
  }

  // Takes everything of the fresh page but its forms.
  function around(old, fresh) {
    var kept = old.querySelector("#page"), other = fresh.querySelector("#page");
    if (!other) return;
    var place = kept.parentNode, from = other.parentNode;
    place.dataset.state = from.dataset.state;
    while (place.firstChild !== kept) place.removeChild(place.firstChild);
    while (kept.nextSibling) place.removeChild(kept.nextSibling);
    while (from.firstChild !== other) place.insertBefore(from.firstChild, kept);
    while (other.nextSibling) place.appendChild(other.nextSibling);
  }

  // What is not made of rows is taken anew, at most every two seconds: the whole page, or a part of it.
  function again(part) {
    if (waiting) return;
    waiting = setTimeout(function () {
      waiting = null;
      fetch(body.dataset.page || location.href, { headers: { Accept: "text/html" } }).then(function (answer) {
        if (!answer.ok) throw new Error(String(answer.status));
        return answer.text();
      }).then(function (html) {
        var fresh = new DOMParser().parseFromString(html, "text/html").querySelector(part || "main");
        var old = document.querySelector(part || "main");
        if (part && (!fresh || old.contains(document.activeElement))) return;
        var open = [];
        old.querySelectorAll("details").forEach(function (each) { open.push(each.open); });
        fresh.querySelectorAll("details").forEach(function (each, place) {
          if (place < open.length) each.open = open[place];
        });
        if (!part && busy()) around(old, fresh); else old.replaceWith(fresh);
        tick();
      }).catch(function () { /* the banner says that the connection is lost */ });
    }, 2000);
  }

  // Something was missed.
  function anew() {
    if (!busy()) { location.reload(); return; }
    lost = false;
    heard = Date.now();
    again();
  }

  function listen() {
    var stream = new EventSource(body.dataset.live + "&since=" + body.dataset.revision);
    stream.onerror = function () { lost = true; tick(); };
    function on(kind, act) {
      stream.addEventListener(kind, function (event) {
        if (lost) { anew(); return; }
        heard = Date.now();
        act(JSON.parse(event.data));
        tick();
      });
    }
    on("beat", function (data) {
      var asof = document.querySelector(".asof time");
      base = data.now;
      pace = data.pace || pace;
      began = Date.now();
      asof.dateTime = data.iso;
      asof.textContent = data.said;
    });
    on("resync", anew);
    if (body.dataset.log) { on("log", function () { again(); }); return; }
    if (body.dataset.only) {
      on("row", function (data) { if (data.id === body.dataset.only) again(); });
      on("seen", function (data) { if (data[body.dataset.only]) again(); });
      return;
    }
    on("row", function (data) {
      var row = find(data.id);
      if (row) replace(row, data.html); else location.reload();
      if (document.getElementById("switches")) again("#switches");
    });
    on("gone", function (data) {
      var row = find(data.id);
      if (row) row.remove();
    });
    on("headline", function (data) { replace(document.getElementById("headline"), data.html); });
    on("seen", function (data) {
      Object.keys(data).forEach(function (flow) {
        var row = find(flow);
        var time = row && row.querySelector("[data-seen]");
        if (time) time.dateTime = data[flow];
      });
    });
  }

  if (body.dataset.live && window.EventSource) listen();
  setInterval(tick, 1000);
})();
