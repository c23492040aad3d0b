(() => {
  "use strict";
  const main = document.querySelector("main");
  const { written, patience, every, silent, was } = main.dataset;
  const hold = document.getElementById("hold");
  let isHeld = false;

  const length = (seconds) => {
    const whole = Math.max(0, Math.floor(seconds));
    const two = (number) => String(number).padStart(2, "0");
    const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
    return `${hours ? `${hours}:${two(minutes)}` : minutes}:${two(whole % 60)}`;
  };

  const forget = (word) => {
    if (word.className) word.className = "badge inconclusive";
    word.textContent = was.replace("{word}", () => word.textContent);
    if (word.id === "state") document.title = was.replace("{word}", () => document.title);
    word.removeAttribute("data-known");
  };

  const show = () => {
    const now = Date.now() / 1000;
    const isSilent = now - written > patience;
    const isBehind = written - now > patience;
    const isQuiet = now > silent;
    document.getElementById("silent").hidden = !isSilent || isHeld;
    document.getElementById("held").hidden = !isHeld;
    document.getElementById("behind").hidden = !isBehind;
    const quiet = document.getElementById("quiet");
    if (quiet) quiet.hidden = !isQuiet || isSilent;
    for (const word of document.querySelectorAll("[data-known]")) {
      if (isSilent || isBehind || (word.dataset.known && now > word.dataset.known)) forget(word);
    }
    for (const age of document.querySelectorAll("[data-since]")) age.textContent = length(now - age.dataset.since);
    for (const end of document.querySelectorAll("[data-ends]")) {
      end.hidden = isSilent || isBehind || now > end.dataset.until;
      const left = end.dataset.ends - now;
      const [before, after] = end.querySelectorAll("span");
      before.hidden = left < 0;
      after.hidden = left >= 0;
      end.querySelector("b").textContent = length(Math.abs(left));
    }
  };

  hold.hidden = false;
  hold.addEventListener("click", () => {
    if (isHeld) location.reload();
    isHeld = true;
    hold.textContent = hold.dataset.held;
    show();
  });
  setInterval(show, 1000);
  setInterval(() => isHeld || location.reload(), every * 1000);
  show();
})();
