// Menus are <details class="menu"> and open without this. Here they learn what people expect of a menu: one is open at a
// time, Escape and a click elsewhere close it, arrow keys walk through it.

const open = () => document.querySelector("details.menu[open]")
const items = menu => [...menu.querySelectorAll(".menu-items a, .menu-items button")]

function close(menu, returnsFocus) {
  menu.open = false
  if (returnsFocus) menu.querySelector("summary").focus()
}

// "toggle" does not bubble, but it can be caught on the way down.
document.addEventListener("toggle", event => {
  const menu = event.target
  if (!menu.matches?.("details.menu") || !menu.open) return
  for (const other of document.querySelectorAll("details.menu[open]")) if (other !== menu) close(other)
}, true)

document.addEventListener("click", event => {
  const menu = open()
  if (menu && !menu.contains(event.target)) close(menu)
})

document.addEventListener("focusout", event => {
  const menu = event.target.closest?.("details.menu[open]")
  // Without a new element the window itself lost the focus: that is no reason to close.
  if (menu && event.relatedTarget && !menu.contains(event.relatedTarget)) close(menu)
})

document.addEventListener("keydown", event => {
  const menu = event.target.closest?.("details.menu")
  if (event.key === "Escape") {
    const opened = menu?.open ? menu : open()
    if (opened) close(opened, opened === menu)
    return
  }
  if (event.key === "Tab" && menu?.open) {
    // From the last item of a page the focus goes to the browser itself, which "focusout" does not tell.
    requestAnimationFrame(() => { if (!menu.contains(document.activeElement)) close(menu) })
    return
  }
  if (!menu || !["ArrowDown", "ArrowUp", "Home", "End"].includes(event.key)) return
  const all = items(menu)
  const at = all.indexOf(event.target)
  const isOnSummary = at < 0
  if (isOnSummary && (event.key === "Home" || event.key === "End") && !menu.open) return
  event.preventDefault()
  menu.open = true
  const next = { ArrowDown: at + 1, ArrowUp: isOnSummary ? all.length - 1 : at - 1, Home: 0, End: all.length - 1 }[event.key]
  all[(next + all.length) % all.length]?.focus()
})
