// Keeps an open page as it is: rows as they change, times as they pass, and the truth when the connection is lost.
(function () {
  "use strict";
  var PATIENCE = 12; // seconds without a word of the server, which beats every five, until its pages are old
  var RETRY = 8; // seconds between two attempts to be heard again
  var body = document.body;
  var french = document.documentElement.lang === "fr";
  var banner = document.getElementById("lost");
  var title = document.title; // as it is but for what is said before it while the page is lost
  var began = Date.now(), base = Number(body.dataset.now), pace = Number(body.dataset.pace) || 1;
  var heard = Date.now(), steady = performance.now(), lost = false, stream = null, tried = 0, retry = null;
  var waiting = null, fetching = false, queue = [], fitted = 0, refreshed = 0;

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

  // time as it passes ---------------------------------------------------------------------------------------------

  function say(place, text) {
    if (place && place.textContent !== text) place.textContent = text;
  }

  // Nothing moves while the connection is lost: what is shown is as old as the banner says.
  function tick() {
    check();
    if (lost) return;
    document.querySelectorAll("time[data-ago]").forEach(function (time) {
      say(time.querySelector("b") || time, span((now() - Date.parse(time.dateTime)) / 1000));
    });
    lengthen();
    fit();
  }

  // On a wall nobody scrolls: what does not fit is set as tightly as if it were more. Print and small screens are not.
  function fit() {
    var columns = document.querySelector('.columns[data-size="few"]');
    if (!columns || window.innerWidth < 1600) return;
    if (columns.getBoundingClientRect().bottom + window.scrollY > window.innerHeight) columns.dataset.size = "some";
  }

  // Strips begin at the attack and end now; each has its own step, as it was drawn.
  function lengthen() {
    var days = document.querySelectorAll(".days");
    if (!days.length) return;
    var length = Math.max(60, (now() - Number(days[0].dataset.origin)) / 1000);
    var drawn = Number(days[0].dataset.length);
    if (Math.abs(length - drawn) < length / 2000) return;
    fitted = fitted || drawn;
    if (length > fitted * 1.3) { fitted = length; again(); } // other days fit above
    document.querySelectorAll("svg.course[role]").forEach(function (strip) {
      strip.setAttribute("viewBox", "0 0 " + Math.round(length / strip.dataset.unit) + " 20");
    });
    days.forEach(function (each) {
      each.dataset.length = length;
      each.querySelectorAll("[data-at]").forEach(function (mark) {
        var place = (100 * mark.dataset.at) / length;
        (mark.tagName === "text" ? ["x"] : ["x1", "x2"]).forEach(function (name) {
          mark.setAttribute(name, place + "%");
        });
        mark.setAttribute("visibility", place < 27 ? "hidden" : "visible");
      });
    });
  }

  // the connection ------------------------------------------------------------------------------------------------

  // Seconds since the server was heard: one clock may be set, the other may sleep with the machine.
  function silence() {
    return Math.max(Date.now() - heard, performance.now() - steady) / 1000;
  }

  function check() {
    var age = silence();
    if (body.dataset.live && age > PATIENCE) lose();
    if (!lost) return;
    say(banner.querySelector("b"), span(age));
    if (performance.now() - tried > RETRY * 1000 && age > RETRY) listen();
  }

  // All that is seen of a tab that nobody looks at.
  function entitle(text) {
    title = text;
    document.title = (lost ? banner.dataset.title : "") + title;
  }

  function lose() {
    if (lost) return;
    lost = true;
    entitle(title);
    body.classList.add("stale");
    banner.hidden = false;
    say(banner.querySelector("b"), span(silence()));
    announce(banner.firstChild.textContent);
  }

  function found() {
    if (!lost) return;
    lost = false;
    entitle(title);
    body.classList.remove("stale");
    banner.hidden = true;
    banner.querySelector("a").hidden = true;
    announce(body.dataset.back || "");
    tick();
  }

  // For those who hear the page: one sentence at a time, and never a clock.
  var sentences = [], announcing = null;
  function announce(text) {
    if (text && sentences.length < 5) sentences.push(text);
    if (announcing) return;
    announcing = setTimeout(function () {
      announcing = null;
      say(document.getElementById("said"), sentences.join(". "));
      sentences = [];
    }, 1000);
  }

  // the page ------------------------------------------------------------------------------------------------------

  function replace(old, html) {
    var box = document.createElement("template");
    box.innerHTML = html;
    var fresh = box.content.firstElementChild;
    if (!old || !fresh) return;
    var focused = old.contains(document.activeElement);
    fresh.querySelectorAll("details").forEach(function (each, place) {
      var before = old.querySelectorAll("details")[place];
      if (before) each.open = before.open;
    });
    old.replaceWith(fresh);
    if (focused) (fresh.querySelector("a, summary") || fresh).focus();
    if (fresh.id && fresh.id.indexOf("f-") === 0 && old.dataset.state !== fresh.dataset.state) {
      fresh.classList.add("moved");
      announce(fresh.querySelector("h3 a").textContent + ", " + fresh.querySelector(".state span").textContent);
    }
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

  function take(html, part) {
    var whole = new DOMParser().parseFromString(html, "text/html"), fresh = whole.querySelector(part || "main");
    var old = document.querySelector(part || "main");
    if (!fresh && !part) throw new Error("something between us answered for the server");
    if (!fresh || (part && old.contains(document.activeElement))) return;
    var open = {};
    old.querySelectorAll("details").forEach(function (each, place) { open[each.id || place] = each.open; });
    fresh.querySelectorAll("details").forEach(function (each, place) {
      if ((each.id || place) in open) each.open = open[each.id || place];
    });
    var focus = !part && old.contains(document.activeElement) && document.activeElement.getAttribute("href");
    if (!part && busy()) around(old, fresh); else old.replaceWith(fresh);
    if (!part) entitle(whole.title);
    fit();
    var again = focus && Array.prototype.filter.call(fresh.querySelectorAll("a"), function (link) {
      return link.getAttribute("href") === focus;
    })[0];
    if (again) again.focus({ preventScroll: true });
  }

  // The stream that tells of every change from now: one that only began, or is silent, may miss the next.
  function hearing() {
    return stream && stream.heard && silence() <= PATIENCE ? stream : null;
  }

  // Takes the page anew, or a part of it. What is told meanwhile is newer than what is fetched: it comes after.
  function refresh(part) {
    if (fetching) return;
    fetching = true;
    refreshed = Date.now();
    var asked = hearing(); // what was told while this was under way, and was not heard, nobody knows
    var limit = new AbortController();
    var timer = setTimeout(function () { limit.abort(); }, 10000);
    var ask = { headers: { Accept: "text/html" }, signal: limit.signal, cache: "no-store" };
    fetch(body.dataset.page || location.href.split("#")[0], ask).then(function (answer) {
      if (!answer.ok) throw new Error(String(answer.status));
      return answer.text();
    }).then(function (html) {
      take(html, part);
      fetching = false;
      var told = queue;
      queue = [];
      told.forEach(function (act) { act(); });
      var heardOf = asked && asked === hearing();
      if (!part && heardOf) found(); else if (!part && lost && hearing()) again(); // else the first beat asks for it
      tick();
    }).catch(function () {
      fetching = false;
      var told = queue;
      queue = [];
      if (part) told.forEach(function (act) { act(); }); else lose();
    }).then(function () { clearTimeout(timer); });
  }

  // The same, soon: not each of many times, nor with every other page in the house.
  function again(part) {
    if (waiting) return;
    waiting = setTimeout(function () { waiting = null; refresh(part); }, 1200 + Math.random() * 1600);
  }

  // The same, at once, but for one that has just been.
  function promptly() {
    if (!waiting && Date.now() - refreshed > 2000) refresh(); else again();
  }

  // Another version of these pages: the script and the style are its own.
  function changed(build) {
    if (!build || build === body.dataset.build || busy()) return false;
    try {
      if (sessionStorage.getItem("build") === build) return false; // something between us keeps the old page
      sessionStorage.setItem("build", build);
    } catch (refused) { return false; }
    location.reload();
    return true;
  }

  // Whoever is not let in any more is shown the form, in the place of a page that nobody renews; or is led to it,
  // beside what they are writing, which stays.
  function ask() {
    var as = { method: "HEAD", headers: { Accept: "text/html" }, cache: "no-store" };
    fetch("/api/v1/openapi.json", as).then(function (answer) {
      if (answer.status !== 401) return;
      if (!busy()) { location.reload(); return; }
      var link = banner.querySelector("a");
      if (!link.hidden) return;
      link.href = link.dataset.form + encodeURIComponent(location.pathname + location.search);
      link.hidden = false;
      announce(link.textContent);
    }).catch(function () {});
  }

  // what is told --------------------------------------------------------------------------------------------------

  function listen() {
    // What changed since the page was made is told once; after that it is taken anew, which tells more.
    var since = tried ? 1e15 : body.dataset.revision;
    tried = performance.now();
    clearTimeout(retry);
    if (stream) stream.close();
    var mine = stream = new EventSource(body.dataset.live + "&since=" + since);
    mine.onerror = function () {
      if (mine !== stream) return;
      if (mine.readyState === 2) ask(); // it was answered, and refused
      mine.close();
      stream = null;
      lose();
      retry = setTimeout(listen, 1500 + Math.random() * 2000); // not every page of the house at once
    };
    function on(kind, act) {
      mine.addEventListener(kind, function (event) {
        if (mine !== stream) return;
        mine.heard = true;
        heard = Date.now();
        steady = performance.now();
        var data = JSON.parse(event.data);
        if (kind === "beat") {
          if (changed(data.build)) return;
          act(data);
          if (lost) refresh();
        } else if (fetching) {
          queue.push(function () { act(data); });
        } else if (lost) {
          refresh(); // which is asked for after this was told, and knows of it
        } else {
          act(data);
        }
      });
    }
    on("beat", beat);
    on("resync", function () { again(); });
    if (body.dataset.log) { on("log", promptly); return; }
    if (body.dataset.only) {
      on("row", function (data) { if (data.id === body.dataset.only) promptly(); });
      on("seen", function (data) { if (data[body.dataset.only]) again(); });
      return;
    }
    on("row", function (data) {
      var row = document.getElementById("f-" + data.id);
      if (row) replace(row, data.html); else again();
      if (document.getElementById("switches")) again("#switches");
    });
    on("gone", function (data) {
      var row = document.getElementById("f-" + data.id);
      if (row) row.remove();
    });
    on("top", function (data) {
      replace(document.getElementById("top"), data.html);
      entitle(data.title);
    });
    on("seen", function (data) {
      Object.keys(data).forEach(function (flow) {
        var row = document.getElementById("f-" + flow);
        var time = row && row.querySelector("[data-seen]");
        if (time) time.dateTime = data[flow];
      });
    });
  }

  function beat(data) {
    base = data.now;
    pace = data.pace || pace;
    began = Date.now();
    document.querySelectorAll(".asof time, .stated time").forEach(function (time) {
      time.dateTime = data.iso;
      say(time, time.closest(".stated") ? data.heading : data.said);
    });
  }

  // The page is whole, and kept as it is from now: what was said while it was slow to come is taken back.
  function begin() {
    body.dataset.begun = "1";
    if (!body.classList.contains("stale")) return;
    body.classList.remove("stale");
    banner.hidden = true;
    entitle(title.replace(banner.dataset.title, ""));
  }

  if (body.dataset.live && window.EventSource) {
    listen();
    setInterval(check, 250);
    setInterval(function () { if (!lost) again(); }, 3600000); // days above, years beside: what no event tells of
    // After a sleep, a freeze or a way back through history nothing on the page is as it is.
    document.addEventListener("freeze", lose);
    document.addEventListener("resume", check);
    document.addEventListener("visibilitychange", tick);
    window.addEventListener("focus", tick);
    window.addEventListener("pageshow", function (event) { if (event.persisted) { lose(); listen(); } });
    window.addEventListener("pagehide", function (event) { if (event.persisted) lose(); });
    begin();
  }
  window.addEventListener("beforeprint", tick);
  setInterval(tick, 1000);
  tick();
})();
