/** What the chat's page shows. */

import assert from "node:assert/strict";

/** Looks at what the page says in numbers and names, at each change of it, until it is as expected or for too long. */
const read = ([expected, patience]) => new Promise((resolve) => {
  const rooms = (list) => Object.fromEntries([...document.querySelectorAll(`#${list} .room`)].map((room) => [room.dataset.room, room.lastChild.textContent]));
  const look = () => {
    const seen = {
      room: document.getElementById("room-title").textContent,
      title: document.title,
      mine: rooms("joined"),
      others: rooms("others"),
      people: [...document.querySelectorAll(".member > span:nth-child(2)")].map((name) => name.textContent),
      head: document.getElementById("show-people").textContent,
      heading: document.getElementById("people-title").textContent,
    };
    if (JSON.stringify(seen) === expected || patience === 0) { observer.disconnect(); resolve(seen); }
  };
  const observer = new MutationObserver(look);
  observer.observe(document, { subtree: true, childList: true, characterData: true, attributes: true });
  setTimeout(() => { patience = 0; look(); }, patience);
  look();
});

/** Waits until the page shows these rooms and people, and that all its numbers agree. `mine` and `others` are name to words. */
export async function shows(page, { room, mine, others = {}, people }) {
  const count = people.length === 1 ? "1 person" : `${people.length} people`;
  const unread = Object.values(mine).reduce((sum, words) => sum + (words.endsWith(" unread") ? parseInt(words, 10) : 0), 0);
  const title = `${unread ? `(${unread}) ` : ""}${room ? `${room} · ` : ""}Gatehouse`;
  const expected = { room: room ?? "No room", title, mine, others, people, head: count, heading: room ? `${count} here` : "No room" };
  assert.deepEqual(await page.evaluate(read, [JSON.stringify(expected), 10_000]), expected);
}
