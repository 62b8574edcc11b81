// Runs /docs as a browser would, on the little of a browser that the page uses, and prints
// what it shows as JSON: docs.mjs ORIGIN SEARCH…
import vm from "node:vm";

const [origin, ...searches] = process.argv.slice(2);

class Element {
  constructor(name) {
    Object.assign(this, { tagName: name.toUpperCase(), children: [], parent: null, attributes: {}, dataset: {}, listeners: {}, hidden: false, isOpen: false });
  }
  get id() { return this.attributes.id || "" }
  set id(id) { this.attributes.id = id }
  get href() { return this.attributes.href }
  set href(to) { this.attributes.href = to }
  get open() { return this.isOpen }
  set open(open) {
    if (open !== this.isOpen) { this.isOpen = open; this.fire("toggle", {}) }
  }
  get textContent() { return this.children.map(c => typeof c === "string" ? c : c.textContent).join("") }
  set textContent(text) { this.children = text === "" ? [] : [String(text)] }
  append(...nodes) {
    for (const n of nodes) { if (n instanceof Element) n.parent = this; this.children.push(n) }
  }
  hasChildNodes() { return this.children.length > 0 }
  scrollIntoView() { scrolled = this.id }
  addEventListener(name, act) { (this.listeners[name] ||= []).push(act) }
  fire(name, event) { for (const act of this.listeners[name] || []) act(event) }
  *all() { for (const c of this.children) if (c instanceof Element) { yield c; yield* c.all() } }
  // find understands the selectors of the page, and no others.
  find(selector) {
    switch (selector) {
      case "#api section": return [...byId("api").all()].filter(e => e.tagName === "SECTION");
      case "pre[data-curl]": return [...this.all()].filter(e => e.tagName === "PRE" && "curl" in e.dataset);
      case ":scope > details": return this.children.filter(e => e.tagName === "DETAILS");
      case ":scope > details:not([hidden])": return this.children.filter(e => e.tagName === "DETAILS" && !e.hidden);
    }
    throw new Error("unknown selector " + selector);
  }
  querySelectorAll(selector) { return this.find(selector) }
  querySelector(selector) { return this.find(selector)[0] || null }
}

// parse reads the page, whose tags are well-formed.
function parse(html) {
  const root = new Element("html"), open = [root], scripts = [];
  const entities = { "&lt;": "<", "&gt;": ">", "&amp;": "&", "&quot;": '"' };
  const pattern = /<!--[\s\S]*?-->|<script>([\s\S]*?)<\/script>|<style>[\s\S]*?<\/style>|<(\/?)([a-z0-9]+)((?:\s+[a-z-]+(?:="[^"]*")?)*)\s*>|<![^>]*>|[^<]+/g;
  for (const [whole, script, closing, name, attributes] of html.matchAll(pattern)) {
    const at = open[open.length - 1];
    if (script !== undefined) scripts.push(script);
    else if (name && closing) { if (open.length > 1) open.pop() }
    else if (name) {
      if (name === "html") continue;
      const e = new Element(name);
      for (const [, key, value] of attributes.matchAll(/([a-z-]+)(?:="([^"]*)")?/g)) {
        if (key.startsWith("data-")) e.dataset[key.slice(5)] = value || "";
        else e.attributes[key] = value || "";
      }
      at.append(e);
      if (!["meta", "input", "br"].includes(name)) open.push(e);
    } else if (!whole.startsWith("<")) at.append(whole.replace(/&\w+;/g, entity => entities[entity] || entity));
  }
  return { root, scripts };
}

const page = parse(await (await fetch(origin + "/docs")).text());
let scrolled = "";
const byId = id => [...page.root.all()].find(e => e.id === id) || null;
const onWindow = {};
const document = {
  createElement: name => new Element(name), getElementById: byId,
  querySelectorAll: selector => page.root.find(selector),
};
let loaded;
const waiting = new Promise(done => { loaded = done });
const window = {
  document, location: { origin, hash: "" }, decodeURIComponent,
  addEventListener: (name, act) => { (onWindow[name] ||= []).push(act) },
  fetch: path => fetch(origin + "/" + path).then(r => ({ json: async () => { const body = await r.json(); setTimeout(loaded); return body } })),
};
for (const script of page.scripts) vm.runInNewContext(script, window);
await waiting;

const sections = () => byId("api").children.filter(e => e.tagName === "SECTION");
const operations = section => section.children.filter(e => e.tagName === "DETAILS");
const api = byId("api").children.map(e => e.tagName === "H2" ? { group: e.textContent } : { section: e.id, operations: operations(e).map(o => o.id) });
const links = [...page.root.all()].filter(e => e.tagName === "A" && (e.href || "").startsWith("#")).map(e => e.href.slice(1));
const ids = [...page.root.all()].map(e => e.id).filter(id => id);

const found = {};
for (const text of ["", ...searches, ""]) {
  byId("search").fire("input", { target: { value: text } });
  found[text] = sections().filter(s => !s.hidden).flatMap(s => operations(s).filter(o => !o.hidden).map(o => o.id));
}

// An anchor opens its operation; then the operation has an example.
const curls = {}, opened = {};
for (const id of api.flatMap(s => s.operations || [])) {
  for (const section of sections()) for (const o of operations(section)) o.open = false;
  window.location.hash = "#" + id;
  for (const act of onWindow.hashchange) act({});
  opened[id] = sections().flatMap(s => operations(s).filter(o => o.open).map(o => o.id));
  if (scrolled !== id) opened[id].push("not scrolled to");
  const inner = byId(id).children.find(e => e.tagName === "DIV");
  curls[id] = inner.children.find(e => e.tagName === "PRE").textContent;
  links.push(...[...inner.all()].filter(e => e.tagName === "A").map(e => e.href.slice(1)));
}
console.log(JSON.stringify({
  about: byId("about").textContent, api, links, ids, found, opened, curls,
  basics: page.root.find("pre[data-curl]").map(e => e.textContent),
}));
