// Renews an open page, and says so when it is too old to be believed. Without it the page says its hour, and is whole.
(function () {
  "use strict";
  var AHEAD = 600; // seconds that two clocks may differ by: with more, the hour of the page says nothing of its age
  var body = document.body;
  var made = body.dataset.made; // of the page that is shown
  // How old it was when it came, by the clock of whoever gave it; and when that was, by ours.
  var aged = 0, came = Date.now(), steady = performance.now();

  // Since it came: the reader's clock may be set back, and the steady one may sleep with the machine.
  function since() {
    return Math.max(0, Date.now() - came, performance.now() - steady);
  }

  // Seconds, by the clock that says most: the reader's own may be hours slow, as a kiosk's that nobody sets.
  function age() {
    return Math.max(Date.now() - Number(made), Math.max(0, aged) + since()) / 1000;
  }

  function tell() {
    var stale = age() > Number(body.dataset.old);
    document.getElementById("old").hidden = !stale;
    body.classList.toggle("stale", stale);
  }

  // Another `made` is another page, if an earlier one: the clock that it was made by was set right. The same one is
  // no newer for being given again.
  function take(fresh, given) {
    var main = fresh.getElementById("content"), other = fresh.body.dataset.made;
    if (!main || !other) return; // something between us answered for the server
    if (other !== made) {
      document.getElementById("content").replaceWith(main);
      body.dataset.made = made = other;
      came = Date.now();
      steady = performance.now();
      aged = 0;
    }
    if (isNaN(given)) return;
    var old = given - Number(made);
    aged = old < -AHEAD * 1000 ? Infinity : old - since(); // made later than it was given: nobody knows when
  }

  function renew() {
    tell();
    if (document.hidden) return;
    var given = NaN;
    fetch(location.href, { cache: "no-cache" }).then(function (answer) {
      if (!answer.ok) throw new Error(String(answer.status));
      given = Date.parse(answer.headers.get("date") || "");
      return answer.text();
    }).then(function (html) {
      take(new DOMParser().parseFromString(html, "text/html"), given);
    }).catch(function () { /* its age is told below */ }).then(tell);
  }

  body.dataset.begun = "1";
  tell();
  setInterval(tell, 15000);
  setInterval(renew, Number(body.dataset.renew) * 1000);
  document.addEventListener("visibilitychange", renew);
  window.addEventListener("pageshow", renew); // also back through history
})();
