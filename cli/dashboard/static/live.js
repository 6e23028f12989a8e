// Keeps the page of now as the server tells it, and says in large letters when it does not.
"use strict";
(() => {
  const root = document.querySelector("[data-live]");
  if (!root) return;
  const OLD_MS = 5000, LINES = 1000;
  const notLive = document.getElementById("not-live");
  const lines = document.getElementById("lines");
  let heard = Date.now(), source = null, why = "";

  function put(parts) {
    for (const [name, html] of Object.entries(parts)) {
      if (name === "title") document.title = html;
      else if (name === "lines") replaceLines(html);
      else {
        const place = document.getElementById(name);
        if (place) place.innerHTML = html;
      }
    }
  }

  // New lines go on top; those that are there stay where they are, so a reader is not interrupted.
  function replaceLines(html) {
    const drawn = document.createElement("ol");
    drawn.innerHTML = html;
    const fresh = [...drawn.children].filter((line) => !document.getElementById(line.id));
    lines.prepend(...fresh);
    while (lines.children.length > LINES) lines.lastElementChild.remove();
  }

  function open() {
    source = new EventSource(root.dataset.live);
    source.addEventListener("parts", (message) => { heard = Date.now(); put(JSON.parse(message.data)); });
    source.addEventListener("beat", () => { heard = Date.now(); });
    source.onerror = () => {
      if (source.readyState !== EventSource.CLOSED) return;
      fetch("/session", { redirect: "manual" }).then(
        (answer) => { why = answer.status === 204 ? "" : "you are signed out; reload the page"; },
        () => { why = "the dashboard does not answer"; });
      setTimeout(open, 2000);
    };
  }

  setInterval(() => {
    const silent = Date.now() - heard;
    notLive.hidden = silent < OLD_MS;
    document.body.classList.toggle("old", silent >= OLD_MS);
    if (silent >= OLD_MS) {
      notLive.querySelector("span").textContent =
        `nothing heard for ${Math.round(silent / 1000)} s${why ? ": " + why : ""}. What stands below is old.`;
    }
  }, 500);
  open();
})();
