import type { FolderWatch } from "@mailfleet/domain";
import type { Session } from "./create-session.ts";
import type { ImapLimits } from "./limits.ts";

/** The port's watch, and the two moments at which the connection itself must be told apart from a waiting one. */
export type ImapFolderWatch = FolderWatch & {
  /** A sign of life that is being asked for comes first. News from before count as read. */
  examining(): Promise<void>;
  closing(): Promise<void>;
};

type Listener = Parameters<FolderWatch["begin"]>[0];

/** IDLE on one session (RFC 2177). Null where the server has not announced it. */
export function createFolderWatch(session: Session, limits: ImapLimits): ImapFolderWatch | null {
  const { client } = session;
  if (!client.capabilities.has("IDLE")) return null;
  let hasNews = false;
  let hasChanged = false;
  let listener: Listener | undefined;
  let idling: object | undefined;
  let timer: NodeJS.Timeout | undefined;
  let asking: Promise<void> | undefined;

  client.on("expunge", () => {
    hasChanged = true;
  });
  client.on("exists", ({ count, prevCount }) => {
    hasChanged = true;
    if (count <= prevCount || hasNews) return;
    hasNews = true;
    listener?.onNews();
  });
  client.on("close", () => end());

  function stopWaiting(): Listener | undefined {
    const stopped = listener;
    listener = undefined;
    idling = undefined;
    clearTimeout(timer);
    return stopped;
  }

  function end(): void {
    const ended = stopWaiting();
    session.end();
    ended?.onEnd();
  }

  function wait(on: Listener): void {
    listener = on;
    const mine = {};
    idling = mine;
    session.whileWaiting(stopWaiting);
    timer = setTimeout(ask, limits.idleMs).unref();
    const over = () => {
      // Nobody asked for an end: the server refused, or gave up by itself. It cannot be relied on to tell.
      if (idling === mine) end();
    };
    client.idle().then(over, over);
  }

  /** A connection whose other end is gone looks like one where nothing happens. */
  function ask(): void {
    const on = listener;
    if (on === undefined) return;
    const options = { signal: new AbortController().signal, budgetMs: limits.idleAnswerMs };
    const answered = session.run("NOOP", options, () => client.noop());
    listener = on; // it goes on listening while the server answers
    const settled = () => {
      asking = undefined;
    };
    asking = answered.then(
      () => {
        settled();
        if (listener === on) wait(on);
      },
      () => {
        settled();
        end();
      },
    );
  }

  return {
    begin(on) {
      wait(on);
      if (hasNews) queueMicrotask(() => listener === on && on.onNews());
    },
    async hasChanged(options) {
      stopWaiting();
      await asking;
      // NOOP is answered with whatever is new in the folder (RFC 9051 §6.1.2).
      await session.run("NOOP", options, () => client.noop());
      return hasChanged;
    },
    async examining() {
      stopWaiting();
      await asking;
      hasNews = false;
      hasChanged = false;
    },
    async closing() {
      stopWaiting();
      await asking;
    },
  };
}
