// Plotly figures: each is fetched from its own address when it comes near, drawn in the colours of
// the theme that is shown, and its marks are links. The library itself is loaded only then.
(function () {
  "use strict";
  var library = document.currentScript.dataset.plotly;
  var CONFIG = { displayModeBar: false, responsive: true, scrollZoom: false, showSendToCloud: false,
    plotlyServerURL: "", displaylogo: false, doubleClick: "reset" };
  var DAY = 86400000;
  var loading;

  function plotly() {
    loading = loading || new Promise(function (done, failed) {
      var script = document.createElement("script");
      script.src = library;
      script.onload = function () { done(window.Plotly); };
      script.onerror = failed;
      document.head.appendChild(script);
    });
    return loading;
  }

  // A custom property may hold light-dark(); only a real element says which of the two it is.
  function painter() {
    var probe = document.createElement("i");
    probe.hidden = true;
    document.body.appendChild(probe);
    var known = {};
    function paint(value) {
      if (typeof value === "string" && value.indexOf("var(--") === 0) {
        if (!known[value]) {
          probe.style.color = value;
          known[value] = getComputedStyle(probe).color;
        }
        return known[value];
      }
      if (Array.isArray(value)) return value.map(paint);
      if (value && typeof value === "object") {
        var copy = {};
        Object.keys(value).forEach(function (key) { copy[key] = paint(value[key]); });
        return copy;
      }
      return value;
    }
    return { paint: paint, done: function () { probe.remove(); } };
  }

  function zooms(place, room, figure) {
    var axis = figure.layout.xaxis;
    var offered = (figure.layout.meta || {}).zooms || [];
    if (!offered.length || !axis || !axis.range) return;
    var first = Date.parse(axis.range[0] + (axis.range[0].length > 10 ? "Z" : ""));
    var last = Date.parse(axis.range[1] + (axis.range[1].length > 10 ? "Z" : ""));
    var bar = document.createElement("div");
    bar.className = "zooms";
    bar.setAttribute("role", "group");
    bar.setAttribute("aria-label", "Show");
    offered.forEach(function (zoom) {
      if (zoom[1] * DAY >= last - first) return;
      var button = document.createElement("button");
      button.type = "button";
      button.textContent = zoom[0];
      button.setAttribute("aria-pressed", String(!zoom[1]));
      button.addEventListener("click", function () {
        var from = zoom[1] ? last - zoom[1] * DAY : first;
        bar.querySelectorAll("button").forEach(function (b) { b.setAttribute("aria-pressed", String(b === button)); });
        window.Plotly.relayout(room, { "xaxis.range": [new Date(from).toISOString().slice(0, 19), new Date(last).toISOString().slice(0, 19)] });
      });
      bar.appendChild(button);
    });
    place.appendChild(bar);
  }

  function draw(place, room, figure) {
    return plotly().then(function (Plotly) {
      var colours = painter();
      var painted = colours.paint(figure);
      colours.done();
      // In a narrow room the labels would lie on each other; the tooltips and the table have them.
      if (room.clientWidth < 640) painted.data.forEach(function (trace) {
        if (trace.mode === "markers+text") trace.mode = "markers";
        if (trace.mode === "text") trace.visible = false;
      });
      return Plotly.react(room, painted.data, painted.layout, CONFIG);
    });
  }

  function follow(room) {
    room.on("plotly_click", function (event) {
      var address = event.points.length ? event.points[0].customdata : "";
      if (typeof address === "string" && /^\/(?!\/)/.test(address)) location.assign(address);
    });
  }

  function fail(place) {
    place.removeAttribute("aria-busy");
    place.innerHTML = "";
    var words = document.createElement("p");
    words.className = "figure-failed";
    words.textContent = "The figure could not be loaded. Its table says the same.";
    place.appendChild(words);
  }

  function start(place) {
    place.setAttribute("aria-busy", "true");
    fetch(place.dataset.figure, { headers: { Accept: "application/json" }, credentials: "same-origin" })
      .then(function (answer) {
        if (!answer.ok) throw new Error(String(answer.status));
        return answer.json();
      })
      .then(function (figure) {
        var room = document.createElement("div");
        return plotly().then(function () {
          place.innerHTML = "";
          zooms(place, room, figure);
          place.appendChild(room);
          return draw(place, room, figure);
        }).then(function () {
          place.removeAttribute("aria-busy");
          follow(room);
          function again() { draw(place, room, figure); }
          document.addEventListener("theme", again);
          matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
        });
      })
      .catch(function () { fail(place); });
  }

  var near = new IntersectionObserver(function (entries) {
    entries.forEach(function (entry) {
      if (!entry.isIntersecting) return;
      near.unobserve(entry.target);
      start(entry.target);
    });
  }, { rootMargin: "400px" });

  function watch(root) {
    root.querySelectorAll("[data-figure]").forEach(function (place) {
      if (place.dataset.watched) return;
      place.dataset.watched = "1";
      near.observe(place);
    });
  }
  watch(document);
  document.addEventListener("htmx:after:swap", function () { watch(document); });
})();
