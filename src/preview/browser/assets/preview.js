// The page beside the letter. It asks the program for what it shows; the letter itself runs no script.

const byId = (id) => document.getElementById(id);
const tabs = [...document.querySelectorAll("[role=tab]")];

/** What the user chose; it stands in the address, so that a reload keeps it. */
const choice = { member: 0, tab: "html", width: innerWidth < 760 ? "phone" : "desktop", scheme: "light", images: "on", q: "", segment: "" };
/** The newest status, and the letter that is shown. */
let status = { edition: 0, trouble: null };
let letter = null;
let letterTrouble = null;
/** Answers that come after a newer question are dropped. */
const asked = { letter: 0, members: 0, source: 0 };

function readChoice() {
  for (const [name, value] of new URLSearchParams(location.hash.slice(1))) {
    if (name in choice) choice[name] = name === "member" ? Number(value) || 0 : value;
  }
  byId("query").value = choice.q;
  byId("images").checked = choice.images !== "off";
  for (const radio of document.querySelectorAll("input[type=radio]")) radio.checked = choice[radio.name] === radio.value;
}

function keepChoice() {
  history.replaceState(null, "", `#${new URLSearchParams(choice)}`);
}

const query = (names) => new URLSearchParams(names.map((name) => [name, choice[name]]));

async function fetched(path) {
  const answer = await fetch(path).catch(() => null);
  if (answer === null) return { gone: true };
  return { code: answer.status, text: await answer.text() };
}

function element(name, text, className) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

// The letter

async function loadLetter() {
  const number = ++asked.letter;
  const answer = await fetched(`letter.json?${query(["member", "q", "segment"])}`);
  if (number !== asked.letter || answer.gone || answer.code === 503) return;
  if (answer.code === 404) {
    // The member left the list: back to the neutral reader.
    choose(0);
    return;
  }
  letterTrouble = answer.code === 422 ? answer.text : null;
  letter = answer.code === 200 ? JSON.parse(answer.text) : letter;
  showTrouble();
  if (letterTrouble === null && letter !== null) {
    showHead();
    showPart();
  }
}

function showHead() {
  byId("subject").textContent = letter.subject;
  byId("preheader").textContent = letter.preheader ?? "";
  const size = letter.size ?? letter.html_size;
  const facts = [
    ["To", letter.member.address ? `${letter.member.name} <${letter.member.address}>` : letter.member.name],
    ["From", letter.from, "wide"],
    ["Size", `${kilobytes(size)}, HTML ${kilobytes(letter.html_size)}`],
    ["Attached", letter.attachments.join(", ") || "nothing", "wide"],
  ];
  byId("facts").replaceChildren(
    ...facts.map(([name, value, className]) => {
      const pair = element("div", undefined, className);
      pair.append(element("dt", name), element("dd", value));
      return pair;
    }),
  );
  byId("paper").hidden = !status.can_print;
  byId("paper").href = `letter.pdf?${query(["member"])}`;
  byId("note").hidden = !letter.member.skipped;
  byId("note").textContent = letter.member.skipped ? `Gets no letter: ${letter.member.skipped}` : "";
  byId("previous").disabled = letter.previous === null && choice.member === 0;
  byId("next").disabled = letter.next === null;
}

const kilobytes = (bytes) => `${(bytes / 1000).toFixed(bytes < 10_000 ? 1 : 0)} kB`;

function showPart() {
  const isHtml = choice.tab === "html";
  byId("frames").hidden = !isHtml;
  byId("switches").hidden = !isHtml;
  byId("plain").hidden = isHtml;
  byId("whole").hidden = choice.tab !== "source";
  byId("stage").setAttribute("aria-labelledby", `tab-${choice.tab}`);
  for (const tab of tabs) {
    const isChosen = tab.dataset.tab === choice.tab;
    tab.setAttribute("aria-selected", isChosen);
    tab.tabIndex = isChosen ? 0 : -1;
  }
  if (isHtml) showFrame();
  else if (choice.tab === "source") showSource();
  else byId("plain").textContent = letter[choice.tab] ?? "This member has no e-mail address: there is no message.";
}

async function showSource() {
  const number = ++asked.source;
  byId("whole").firstElementChild.href = `source/whole?${query(["member"])}`;
  const answer = await fetched(`source?${query(["member"])}`);
  if (number === asked.source && choice.tab === "source" && answer.code === 200) byId("plain").textContent = answer.text;
}

/** Loads the letter behind the one that is shown, and changes them when it is there: nothing flickers or jumps. */
function showFrame() {
  const frames = byId("frames");
  const path = `letter?${query(["member", "scheme", "images"])}&edition=${status.edition}`;
  const shown = frames.querySelector("iframe:not(.coming)");
  frames.dataset.width = choice.width;
  for (const late of frames.querySelectorAll("iframe.coming")) late.remove();
  hideScrollbar(shown);
  if (shown?.getAttribute("src") === path) return;
  const coming = document.createElement("iframe");
  coming.title = `The letter to ${letter.member.name}`;
  // Without allow-scripts nothing in a letter runs; this page may look at where it is scrolled to.
  coming.setAttribute("sandbox", "allow-same-origin allow-popups allow-popups-to-escape-sandbox");
  coming.className = `coming ${choice.scheme}`;
  coming.addEventListener("load", () => {
    hideScrollbar(coming);
    const place = shown?.contentWindow?.scrollY ?? 0;
    coming.contentWindow?.scrollTo({ top: place, behavior: "instant" });
    coming.classList.remove("coming");
    shown?.remove();
  }, { once: true });
  coming.src = path;
  frames.append(coming);
}

/** A phone's scrollbar takes no room: the letter gets the whole width. */
function hideScrollbar(frame) {
  const root = frame?.contentDocument?.documentElement;
  if (root) root.style.scrollbarWidth = choice.width === "phone" ? "none" : "";
}

function showTrouble() {
  const text = status.trouble ?? letterTrouble;
  byId("trouble").hidden = text === null;
  byId("trouble-text").textContent = text ?? "";
}

// The members

function memberButton(member) {
  const button = element("button", member.name);
  button.type = "button";
  button.dataset.member = member.id;
  for (const more of [member.organisation, member.address].filter(Boolean)) {
    button.append(element("small", more));
  }
  if (member.skipped) button.append(element("small", `no letter: ${member.skipped}`, "skipped"));
  const item = element("li");
  item.append(button);
  return item;
}

async function loadMembers(offset = 0) {
  const number = ++asked.members;
  const answer = await fetched(`members.json?${query(["q", "segment"])}&offset=${offset}`);
  if (number !== asked.members || answer.code !== 200) return;
  const found = JSON.parse(answer.text);
  const items = found.members.map(memberButton);
  const list = byId("list");
  if (offset === 0) {
    const scrolled = list.scrollTop;
    list.replaceChildren(memberButton({ id: 0, name: "Neutral reader", organisation: "a member without any fields" }), ...items);
    list.scrollTop = scrolled;
  } else list.append(...items);
  byId("count").textContent = `${found.total.toLocaleString("en")} ${found.total === 1 ? "member" : "members"}`;
  byId("more").hidden = found.offset + items.length >= found.total;
  markMember();
}

function markMember() {
  for (const button of byId("list").querySelectorAll("button")) {
    if (Number(button.dataset.member) === choice.member) button.setAttribute("aria-current", "true");
    else button.removeAttribute("aria-current");
  }
}

function choose(member) {
  choice.member = member;
  keepChoice();
  markMember();
  byId("list").querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" });
  loadLetter();
}

// The status

function showStatus(newest) {
  const isNew = newest.edition !== status.edition;
  status = newest;
  const name = [status.issue, status.title].filter(Boolean).join(" · ");
  byId("title").textContent = name || "Preview";
  document.title = name ? `${status.trouble ? "Error: " : ""}${name}` : "Preview";
  showTrouble();
  showFindings();
  if (!isNew) return;
  const segment = byId("segment");
  segment.replaceChildren(new Option("Everyone", ""), ...status.segments.map((name) => new Option(name, name)));
  if (!status.segments.includes(choice.segment)) choice.segment = "";
  segment.value = choice.segment;
  loadMembers();
  loadLetter();
}

function showFindings() {
  const findings = status.findings ?? [];
  const count = (severity) => findings.filter((finding) => finding.severity === severity).length;
  const words = [["error", count("error")], ["warning", count("warning")], ["note", count("note")]]
    .filter(([, number]) => number > 0)
    .map(([word, number]) => `${number} ${word}${number === 1 ? "" : "s"}`);
  byId("badge").textContent = findings.length ? `(${findings.length})` : "";
  const sum = status.findings === null ? "Checking …" : words.join(", ") || "No problems found.";
  if (byId("sum").textContent !== sum) byId("sum").textContent = sum;
  byId("remarks").replaceChildren(...findings.map(remark));
}

function remark(finding) {
  const item = element("li");
  if (finding.file) item.append(element("span", finding.line ? `${finding.file}:${finding.line}` : finding.file, "place"));
  item.append(element("span", finding.severity, finding.severity), `: ${finding.message} `, element("small", `[${finding.rule}]`));
  if (finding.advice) item.append(element("span", finding.advice, "advice"));
  return item;
}

function follow() {
  const live = (state, text) => {
    byId("live").dataset.state = state;
    byId("live").textContent = text;
  };
  const events = new EventSource("events");
  events.addEventListener("open", () => live("live", "Watching the files for changes"));
  events.addEventListener("status", (event) => showStatus(JSON.parse(event.data)));
  events.addEventListener("error", () => {
    if (events.readyState === EventSource.CLOSED) live("gone", "Stopped: run preview --serve again");
    else live("waiting", "The program is not responding …");
  });
}

// What the user does

function listen() {
  byId("list").addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button) {
      choose(Number(button.dataset.member));
      showPane("letter");
    }
  });
  byId("list").addEventListener("keydown", (event) => step(event, { ArrowDown: 1, ArrowUp: -1 }, [...byId("list").querySelectorAll("button")]));
  byId("query").addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown") {
      event.preventDefault();
      byId("list").querySelector("button")?.focus();
    }
  });
  byId("query").addEventListener("input", (event) => filter("q", event.target.value));
  byId("segment").addEventListener("change", (event) => filter("segment", event.target.value));
  byId("more").addEventListener("click", () => loadMembers(byId("list").children.length - 1));
  byId("previous").addEventListener("click", () => choose(letter?.previous ?? 0));
  byId("next").addEventListener("click", () => choose(letter?.next ?? choice.member));
  for (const tab of tabs) {
    tab.addEventListener("click", () => change("tab", tab.dataset.tab));
    tab.addEventListener("keydown", (event) => step(event, { ArrowRight: 1, ArrowLeft: -1 }, tabs)?.click());
  }
  for (const radio of document.querySelectorAll("input[type=radio]")) {
    radio.addEventListener("change", () => change(radio.name, radio.value));
  }
  byId("images").addEventListener("change", (event) => change("images", event.target.checked ? "on" : "off"));
  for (const button of document.querySelectorAll(".panes button")) {
    button.addEventListener("click", () => showPane(button.dataset.pane));
  }
}

/** Moves the focus to the neighbour that a key means. */
function step(event, keys, all) {
  const target = keys[event.key] && all[all.indexOf(document.activeElement) + keys[event.key]];
  if (!target) return undefined;
  event.preventDefault();
  target.focus();
  return target;
}

function change(name, value) {
  choice[name] = value;
  keepChoice();
  if (letter !== null) showPart();
}

function filter(name, value) {
  choice[name] = value;
  keepChoice();
  byId("list").scrollTop = 0;
  loadMembers();
  loadLetter();
}

function showPane(pane) {
  document.body.dataset.pane = pane;
  for (const button of document.querySelectorAll(".panes button")) {
    if (button.dataset.pane === pane) button.setAttribute("aria-current", "true");
    else button.removeAttribute("aria-current");
  }
}

readChoice();
listen();
follow();
