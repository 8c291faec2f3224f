// The one live script: opens the page's event stream and puts what comes into the page, without disturbing what a person
// is doing there. Everything it puts in was drawn, and escaped, by the server with the partials of the page itself.

const longestLog = 200
const betweenPaints = 100
const longestPress = 1_500
const lost = "The connection to the server is lost. Trying again…"

/* What comes in */

const token = document.querySelector('meta[name="csrf-token"]')?.content ?? ""
const drawnFrom = new WeakMap()
let waiting = new Map()
let isScheduled = false
let pressedAt = -Infinity
let lastPaint = 0

function take(partials) {
  sinceRedraw?.push(...partials)
  for (const partial of partials) {
    // Of two drawings of one element only the later counts; taken out first so that it keeps its place in time.
    waiting.delete(partial.id)
    waiting.set(partial.id, partial)
  }
  schedule()
}

let sinceRedraw = null
let redrawAgain = false

// What changed too much to be sent to everybody is asked for by each page as it shows it. What comes in meanwhile may be
// younger than the answer, so it is put in again after it.
async function redraw(id) {
  if (sinceRedraw) {
    redrawAgain = true
    return
  }
  sinceRedraw = []
  try {
    const answer = await fetch(location.href, { cache: "no-store" })
    if (answer.ok && !answer.redirected) {
      const element = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById(id)
      const younger = sinceRedraw
      sinceRedraw = null
      if (element) take([{ id, html: element.outerHTML }, ...younger])
    }
  } catch {
    // The connection is lost, which the stream says; the next drawing of each row comes over it.
  }
  sinceRedraw = null
  if (redrawAgain) {
    redrawAgain = false
    redraw(id)
  }
}

function schedule() {
  if (isScheduled || waiting.size === 0) return
  isScheduled = true
  const delay = Math.max(0, betweenPaints - (performance.now() - lastPaint))
  setTimeout(() => requestAnimationFrame(paint), delay)
}

function paint() {
  isScheduled = false
  // An element that moves or goes away between the press and the release of a button would swallow the click.
  if (performance.now() - pressedAt < longestPress) return
  lastPaint = performance.now()
  const partials = waiting
  waiting = new Map()
  const standing = document.getElementById("progress")?.dataset.standing
  for (const partial of partials.values()) put(partial)
  const progress = document.getElementById("progress")
  if (progress && progress.dataset.standing !== standing) announce(progress.querySelector(".step")?.textContent)
  tick()
}

function put({ id, html, to }) {
  const there = document.getElementById(id)
  const frame = to ? document.getElementById(to) : null
  if (!there && !frame) return
  if (there && drawnFrom.get(there) === html) return
  const element = parsed(html)
  if (!element) return
  if (there) {
    morph(there, element)
  } else {
    frame.prepend(element)
    while (frame.children.length > longestLog) frame.lastElementChild.remove()
  }
  drawnFrom.set(document.getElementById(id) ?? element, html)
}

function parsed(html) {
  const template = document.createElement("template")
  template.innerHTML = html
  const element = template.content.firstElementChild
  // The same drawing goes to everybody who watches, so it carries no token; this page's own goes in here.
  for (const field of element?.querySelectorAll('input[name="csrf"]') ?? []) field.setAttribute("value", token)
  return element
}

/* What a person is doing */

// What is there stays, and is changed only where it differs: a button that somebody points at, an open <details>, a
// ticked box, what was typed, the focus, the selection and how far a text was scrolled are left as they are.
function morph(old, next) {
  if (!isAlike(old, next)) return old.replaceWith(next)
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.data !== next.data) old.data = next.data
    return
  }
  morphAttributes(old, next)
  morphChildren(old, next)
}

function isAlike(old, next) {
  return old.nodeType === next.nodeType && old.nodeName === next.nodeName && (old.id ?? "") === (next.id ?? "")
}

function morphAttributes(old, next) {
  for (const { name, value } of next.attributes) {
    if (isChosen(old, name) || old.getAttribute(name) === value) continue
    old.setAttribute(name, value)
    if (name === "data-elapsed") beginnings.delete(old)
  }
  for (const { name } of [...old.attributes]) {
    if (!next.hasAttribute(name) && !isChosen(old, name)) old.removeAttribute(name)
  }
}

// Whether a <details> that has a name is open is its reader's choice.
function isChosen(element, attribute) {
  return attribute === "open" && element.tagName === "DETAILS" && element.id !== ""
}

function morphChildren(old, next) {
  const coming = byName(next)
  // What goes away does so first: then what stays need not be moved around it, which would take its focus.
  for (const [id, child] of byName(old)) if (!coming.has(id)) child.remove()
  const named = byName(old)
  let here = old.firstChild
  for (const child of [...next.childNodes]) {
    const same = named.get(child.id)
    if (same && same !== here) old.insertBefore(same, here)
    here = same ?? here
    if (here && isAlike(here, child)) {
      const following = here.nextSibling
      morph(here, child)
      here = following
    } else {
      old.insertBefore(child, here)
    }
  }
  while (here) {
    const following = here.nextSibling
    here.remove()
    here = following
  }
}

function byName(parent) {
  return new Map([...parent.children].filter(child => child.id).map(child => [child.id, child]))
}

// A release outside the window is never told, so no press counts for ever.
document.addEventListener("pointerdown", () => {
  pressedAt = performance.now()
  setTimeout(schedule, longestPress + 50)
})
for (const kind of ["pointerup", "pointercancel"]) {
  // The click comes after the release, in the same turn or the next.
  document.addEventListener(kind, () => setTimeout(() => { pressedAt = -Infinity; schedule() }, 50))
}

/* A decision is posted once, however often its button is pressed */

document.addEventListener("submit", event => {
  const panel = event.target.closest("#panel")
  if (!panel) return
  if (panel.dataset.isPosting) return event.preventDefault()
  panel.dataset.isPosting = "yes"
  setTimeout(() => { for (const button of panel.querySelectorAll("button")) button.disabled = true })
})

/* Time that goes by */

const beginnings = new WeakMap()

// The words of the server: 7 s, 2 min 5 s, 1 h 2 min.
function words(seconds) {
  if (seconds < 60) return `${seconds} s`
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`
  return `${Math.floor(seconds / 3600)} h ${Math.floor(seconds / 60) % 60} min`
}

function tick() {
  for (const element of document.querySelectorAll("[data-elapsed]")) {
    const drawn = Number(element.dataset.elapsed)
    if (!Number.isFinite(drawn)) continue
    if (!beginnings.has(element)) beginnings.set(element, performance.now() - drawn * 1000)
    const text = words(Math.max(0, Math.floor((performance.now() - beginnings.get(element)) / 1000)))
    if (element.textContent !== text) element.textContent = text
  }
}

tick()
setInterval(tick, 1000)

/* Words for those who do not see the page change */

const announcer = document.createElement("p")
announcer.className = "unseen"
announcer.setAttribute("role", "status")
document.body.append(announcer)

function announce(text) {
  if (text) announcer.textContent = text
}

/* The stream */

const path = document.body.dataset.events
const longestHidden = 60_000
let source = null
let lastId = ""
let attempts = 0
let retry = 0
let warning = 0
let hiding = 0
let isAsleep = false
let isOver = false

function connect() {
  clearTimeout(retry)
  if (source || isAsleep || isOver || !path) return
  const address = new URL(path, location.href)
  if (lastId && address.searchParams.has("after")) address.searchParams.set("after", lastId)
  source = new EventSource(address)
  source.addEventListener("open", () => {
    attempts = 0
    clearTimeout(warning)
    warning = 0
    say(null)
  })
  source.addEventListener("changes", event => {
    if (event.lastEventId) lastId = event.lastEventId
    const changes = JSON.parse(event.data)
    take(changes.partials)
    if (changes.redraw) redraw(changes.redraw)
  })
  // Nothing comes any more. The browser would open the stream again as soon as the server closes it.
  source.addEventListener("end", () => {
    isOver = true
    disconnect()
  })
  source.addEventListener("error", () => {
    warning ||= setTimeout(() => say(lost), 2_000)
    // The browser tries again by itself, except where the server answered with something else than a stream.
    if (source?.readyState === EventSource.CLOSED) again()
  })
}

function disconnect() {
  clearTimeout(retry)
  clearTimeout(warning)
  warning = 0
  source?.close()
  source = null
}

async function again() {
  source = null
  const delay = Math.min(15_000, 1_000 * 2 ** attempts)
  attempts += 1
  if (await isSignedOut()) return
  retry = setTimeout(connect, delay)
}

// A session that has ended is no lost connection: trying again would help nobody.
async function isSignedOut() {
  try {
    const answer = await fetch(location.pathname, { cache: "no-store" })
    if (!answer.redirected || !new URL(answer.url).pathname.startsWith("/sign-in")) return false
  } catch {
    return false
  }
  clearTimeout(warning)
  const link = document.createElement("a")
  link.href = "/sign-in?return=" + encodeURIComponent(location.pathname)
  link.textContent = "Sign in again"
  say("You are signed out. ", link)
  return true
}

function say(text, ...more) {
  const place = document.getElementById("connection")
  if (!place) return
  place.hidden = !text
  place.replaceChildren(text ?? "", ...more)
}

// A browser keeps about six connections to a host: tabs that nobody looks at must not hold them all.
document.addEventListener("visibilitychange", () => {
  clearTimeout(hiding)
  if (document.hidden) {
    hiding = setTimeout(() => { isAsleep = true; disconnect() }, longestHidden)
  } else {
    isAsleep = false
    connect()
  }
})
addEventListener("pagehide", disconnect)
addEventListener("pageshow", event => {
  if (!event.persisted) return
  const panel = document.getElementById("panel")
  if (panel) delete panel.dataset.isPosting
  for (const button of panel?.querySelectorAll("button") ?? []) button.disabled = false
  connect()
})

connect()
