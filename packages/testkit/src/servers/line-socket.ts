import type { Socket } from "node:net";

/** A socket read line by line, for servers whose script says what comes next. */
export type LineSocket = {
  /** The next line without its CRLF, one character a byte; null once the other side has gone. */
  line(): Promise<string | null>;
  isGone(): boolean;
  say(...lines: readonly string[]): void;
  /** Ends the connection at once, as a crash or a cable would. */
  cut(): void;
  /** Reads nothing until then, and lets the other side's writes pile up. */
  pause(until: Promise<void>): Promise<void>;
  /** Stops reading and hands the socket back, for TLS to take over. Bytes read too far are dropped (RFC 3207 §6). */
  release(): Socket;
};

export function lineSocket(socket: Socket): LineSocket {
  let unread = "";
  let gone = false;
  let wake = () => {};
  const onData = (chunk: Buffer) => {
    unread += chunk.toString("latin1");
    wake();
  };
  const onGone = () => {
    gone = true;
    wake();
  };
  socket.on("data", onData).on("close", onGone).on("error", onGone);

  return {
    async line() {
      for (;;) {
        const end = unread.indexOf("\r\n");
        if (end !== -1) {
          const line = unread.slice(0, end);
          unread = unread.slice(end + 2);
          return line;
        }
        if (gone) return null;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
    isGone: () => gone,
    say: (...lines) => void (gone || socket.write(lines.map((line) => `${line}\r\n`).join(""), "latin1")),
    cut() {
      unread = ""; // what was sent ahead is never looked at
      gone = true;
      socket.destroy();
    },
    async pause(until) {
      socket.pause();
      await until;
      socket.resume();
    },
    release() {
      socket.off("data", onData).off("close", onGone);
      return socket;
    },
  };
}
