"use strict";
// Draws each chart once it comes near the window, again when the light changes, and all of them for paper.
(() => {
  const root = document.documentElement;
  const paperWidth = 700;
  const plots = [...document.querySelectorAll(".plot")];
  const drawn = new Set();

  // A chart names its colours, "@loss": the style says what they are just now.
  const painted = (value, key, colours) => {
    if (Array.isArray(value)) return value.map((one) => painted(one, key, colours));
    if (value !== null && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, painted(one, name, colours)]));
    }
    const named = typeof value === "string" && value[0] === "@" && key.endsWith("color");
    return named ? colours.getPropertyValue("--" + value.slice(1)).trim() : value;
  };

  const draw = (plot, width) => {
    const chart = JSON.parse(plot.nextElementSibling.textContent);
    const { data, layout } = painted(chart, "", getComputedStyle(root));
    const sized = width === undefined ? layout : { ...layout, width };
    const options = { displaylogo: false, responsive: width === undefined, doubleClick: "reset" };
    drawn.add(plot);
    return Plotly.react(plot, data, sized, options).then(() => {
      root.dataset.drawn = drawn.size;
    });
  };

  const watcher = new IntersectionObserver(
    (seen) => {
      for (const { target, isIntersecting } of seen) {
        if (isIntersecting) {
          watcher.unobserve(target);
          if (!drawn.has(target)) draw(target);
        }
      }
    },
    { rootMargin: "600px" },
  );
  plots.forEach((plot) => watcher.observe(plot));

  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    drawn.forEach((plot) => draw(plot));
  });
  addEventListener("beforeprint", () => {
    root.dataset.paper = "";
    plots.forEach((plot) => draw(plot, paperWidth));
  });
  addEventListener("afterprint", () => {
    delete root.dataset.paper;
    plots.forEach((plot) => draw(plot));
  });
})();
