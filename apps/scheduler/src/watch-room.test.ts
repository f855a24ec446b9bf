import { describe, expect, it } from "vitest";
import { watchRoom } from "./watch-room.ts";

describe("a watch over the window's room", () => {
  it("waits as long as a quarter of the window took to be taken", () => {
    const room = watchRoom(200);
    room.look(0, 0);
    room.added(200);
    expect(room.look(100, 50)).toBe(25); // two a millisecond
    expect(room.look(80, 90)).toBe(100); // one in two milliseconds
  });

  it("looks ten times a second at a window that nobody takes from, and a hundred times at one it does not know", () => {
    const room = watchRoom(200);
    expect(room.look(200, 0)).toBe(10);
    expect(room.look(200, 10)).toBe(100);
    expect(room.look(230, 20)).toBe(100); // someone else filled it
  });
});
