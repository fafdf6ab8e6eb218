// The search box of the first page: results as they are typed, and the words asked for in the address.
"use strict";

const finder = makeSearch(JSON.parse(document.getElementById("search-index").textContent));
const box = document.getElementById("query"), list = document.getElementById("results");
const kind = document.getElementById("kind"), said = document.getElementById("said");
const browse = document.getElementById("browse");

function part(tag, text, name) {
  const made = document.createElement(tag);
  made.textContent = text; // never as HTML: names and texts are data
  if (name) made.className = name;
  return made;
}

function shown(hit, words) {
  const item = document.createElement("li"), link = part("a", hit.doc.name);
  link.href = hit.doc.page;
  const columns = hit.doc.columns.split(" ").filter((column) => finder.wordsOf(column).some((word) => words.has(word)));
  item.append(part("span", hit.doc.kind, "kind"), link, part("span", `${hit.doc.place} · ${hit.doc.owner}`, "place"));
  item.append(part("p", hit.doc.text.length > 240 ? hit.doc.text.slice(0, 237) + "..." : hit.doc.text));
  if (columns.length) item.append(part("p", "columns: " + columns.slice(0, 8).join(", "), "place"));
  return item;
}

function ask() {
  const query = box.value.trim(), words = new Set(finder.wordsOf(query));
  const hits = query ? finder.search(query, 200) : [];
  const chosen = hits.filter((hit) => !kind.value || hit.doc.kind === kind.value).slice(0, 15);
  list.replaceChildren(...chosen.map((hit) => shown(hit, words)));
  said.textContent = !query ? "" : chosen.length ? `best ${chosen.length}, by words and meaning` : "nothing like that";
  browse.hidden = Boolean(query);
  history.replaceState(null, "", query ? "#q=" + encodeURIComponent(query) : location.pathname);
}

function fromAddress() {
  const match = location.hash.match(/^#q=(.*)$/);
  if (match) {
    box.value = decodeURIComponent(match[1]);
    ask();
  }
}

box.addEventListener("input", ask);
kind.addEventListener("change", ask);
window.addEventListener("hashchange", fromAddress);
fromAddress();
