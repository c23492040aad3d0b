"use strict";
// Zooms the pictures of a run to a range of time, given in seconds since its beginning.
(() => {
  const STEPS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600,
    900, 1800, 3600, 7200, 10800, 21600, 43200, 86400];
  const SVG = "http://www.w3.org/2000/svg";
  const WIDEST = 8000000; // pixels; what browsers can lay out

  const label = (at, step, days) => {
    const written = new Date(Math.round(at * 1000)).toISOString();
    if (days && step >= 60) return written.slice(5, 16).replace("T", " ");
    return written.slice(11, step >= 1 ? 19 : 23);
  };

  for (const run of document.querySelectorAll("[data-duration]")) {
    const began = Number(run.dataset.began);
    const duration = Number(run.dataset.duration);
    const scrolls = [...run.querySelectorAll(".scroll")];
    const form = run.querySelector(".zoom");
    const [from, to] = form.querySelectorAll("input");
    let range = [0, duration];

    const drawTicks = (scroll) => {
      const tracks = scroll.querySelector(".tracks");
      const group = tracks.querySelector(".axis");
      const height = tracks.getAttribute("height");
      const [since, until] = range;
      const wide = until - since;
      const room = Math.max(2, Math.floor(scroll.clientWidth / 95));
      const step = STEPS.find((one) => wide / one <= room) || Math.ceil(wide / room / 86400) * 86400;
      const first = Math.ceil((began + Math.max(0, since - wide)) / step);
      const last = Math.floor((began + Math.min(duration, until + wide)) / step);
      group.replaceChildren();
      for (let number = first; number <= last; number += 1) {
        const at = number * step;
        const x = `${((at - began) / duration) * 100}%`;
        const line = document.createElementNS(SVG, "line");
        for (const [name, value] of [["x1", x], ["x2", x], ["y1", 0], ["y2", height]]) line.setAttribute(name, value);
        const text = document.createElementNS(SVG, "text");
        text.setAttribute("x", x);
        text.setAttribute("dx", 3);
        text.setAttribute("y", 12);
        text.textContent = label(at, step, duration >= 86400);
        const room = (tracks.clientWidth * (duration - at + began)) / duration;
        group.append(line, ...(room > 62 ? [text] : []));
      }
    };

    const show = (since, until) => {
      const least = Math.max(0.001, (duration * run.clientWidth) / WIDEST);
      since = Math.min(Math.max(0, since), duration - least);
      until = Math.min(Math.max(until, since + least), duration);
      range = [since, until];
      from.value = since.toFixed(3);
      to.value = until.toFixed(3);
      for (const scroll of scrolls) {
        const width = (scroll.clientWidth * duration) / (until - since);
        scroll.querySelector(".tracks").style.width = until - since >= duration ? "100%" : `${width}px`;
        scroll.scrollLeft = (width * since) / duration;
        drawTicks(scroll);
      }
    };

    const follow = (moved) => {
      const wide = range[1] - range[0];
      if (wide >= duration) return;
      const since = (moved.scrollLeft / moved.querySelector(".tracks").clientWidth) * duration;
      if (Math.abs(since - range[0]) < wide / moved.clientWidth) return;
      range = [since, since + wide];
      from.value = since.toFixed(3);
      to.value = (since + wide).toFixed(3);
      for (const scroll of scrolls) {
        if (scroll !== moved) scroll.scrollLeft = moved.scrollLeft;
        drawTicks(scroll);
      }
    };

    form.hidden = false;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      show(Number(from.value), Number(to.value));
    });
    form.addEventListener("change", () => show(Number(from.value), Number(to.value)));
    form.addEventListener("click", (event) => {
      const button = event.target.closest("button[type=button]");
      if (!button) return;
      if (button.dataset.by) {
        const middle = (range[0] + range[1]) / 2;
        const half = ((range[1] - range[0]) / 2) * Number(button.dataset.by);
        show(middle - half, middle + half);
      } else {
        show(Number(button.dataset.from), Number(button.dataset.to));
      }
    });
    for (const scroll of scrolls) scroll.addEventListener("scroll", () => requestAnimationFrame(() => follow(scroll)));
    addEventListener("resize", () => show(...range));
    show(0, duration);
  }
})();
