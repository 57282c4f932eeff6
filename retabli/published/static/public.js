// Renews an open page, and says so when it is too old to be believed. Without it the page says its hour, and is whole.
(function () {
  "use strict";
  var body = document.body;

  function tell() {
    var stale = Date.now() - Number(body.dataset.made) > Number(body.dataset.old) * 1000;
    document.getElementById("old").hidden = !stale;
    body.classList.toggle("stale", stale);
  }

  function renew() {
    if (document.hidden) return;
    fetch(location.href, { cache: "no-cache" }).then(function (answer) {
      if (!answer.ok) throw new Error(String(answer.status));
      return answer.text();
    }).then(function (html) {
      var fresh = new DOMParser().parseFromString(html, "text/html");
      var main = fresh.getElementById("content");
      if (main && Number(fresh.body.dataset.made) > Number(body.dataset.made)) {
        document.getElementById("content").replaceWith(main);
        body.dataset.made = fresh.body.dataset.made;
      }
    }).catch(function () { /* its age is told below */ }).then(tell);
  }

  body.dataset.begun = "1";
  tell();
  setInterval(tell, 15000);
  setInterval(renew, Number(body.dataset.renew) * 1000);
  document.addEventListener("visibilitychange", renew);
  window.addEventListener("pageshow", function () { tell(); renew(); }); // also back through history
})();
