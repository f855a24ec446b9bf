import type { Epoch, FolderState, MailboxId, MailConnection, TenantId } from "@mailfleet/domain";

/** A mailbox's connection between two passes, and what the last one left behind. */
export type WarmConnection = {
  readonly mailboxId: MailboxId;
  readonly tenantId: TenantId;
  /** Of the run that looked last. */
  readonly epoch: Epoch;
  readonly connection: MailConnection;
  readonly folder: string;
  /** The folder as it was when everything in it was stored. */
  readonly settled: FolderState;
  /** When `settled` was seen. */
  readonly examinedAt: Date;
  /** Names the server and folder it was opened for. */
  readonly opened: string;
  /** It is replaced then: its age or its login's token ends. */
  readonly retireAt: Date;
};

/** A connection that was kept before its run is finished. */
export type Kept = {
  /** The server has told of something since the pass looked. */
  hasNews(): boolean;
  /** The run is finished: from here on news are announced, those from before first. */
  settle(announced: { readonly nextDue: Date | null }): void;
  /** The run was not ours any more. */
  drop(): void;
};

/** Why a connection is held no longer. All but `closed`, `displaced` and `evicted` leave a mailbox that nobody listens to. */
export type Loss = "closed" | "displaced" | "ended" | "evicted" | "retired" | "shed";

export type WarmConnectionsOptions = {
  /** The most connections, whatever else is free. */
  readonly countMax: number;
  readonly now: () => Date;
  /** Something happened in this mailbox. Called again by `announceAgain` after it threw. */
  readonly announce: (mailboxId: MailboxId) => Promise<void>;
  readonly onLost: (mailboxId: MailboxId, loss: Loss) => void;
};

export type WarmConnections = ReturnType<typeof createWarmConnections>;

type Entry = WarmConnection & { phase: "finishing" | "waiting"; news: "none" | "told" | "announced" };

export type KeepTerms = { readonly wasHeld: boolean; readonly authorizedAt: Date };

/** All of a tenant's mailboxes, or one of them. */
export type Whose = { readonly tenantId: TenantId; readonly mailboxId?: MailboxId };
type Closure = Whose & { readonly at: Date };

/** No pass goes on for longer without being authorised again. */
const passMsMax = 600_000;

function isAbout({ tenantId, mailboxId }: Whose, warm: WarmConnection): boolean {
  return warm.tenantId === tenantId && (mailboxId === undefined || mailboxId === warm.mailboxId);
}

/**
 * The connections of the mailboxes this process polled last, each waiting in its folder for news: one a mailbox, bounded
 * in number, replaced when they are old. Taking one out and putting it back is a pass; everything else ends it.
 */
export function createWarmConnections({ countMax, now, announce, onLost }: WarmConnectionsOptions) {
  /** The one that was kept longest ago first. */
  const entries = new Map<MailboxId, Entry>();
  /** Who lost access lately, so that a pass which began before does not keep what it has open. */
  let closures: readonly Closure[] = [];
  let takesMore = true;

  function remove(entry: Entry, loss: Loss): void {
    if (entries.get(entry.mailboxId) !== entry) return;
    entries.delete(entry.mailboxId);
    void entry.connection.close();
    onLost(entry.mailboxId, loss);
  }

  async function tell(entry: Entry): Promise<void> {
    if (entry.phase !== "waiting" || entry.news !== "told") return;
    entry.news = "announced";
    await announce(entry.mailboxId).catch(() => {
      entry.news = "told";
    });
  }

  function removeWhere(fits: (entry: Entry) => boolean, loss: Loss): void {
    for (const entry of [...entries.values()]) if (fits(entry)) remove(entry, loss);
  }

  return {
    get count() {
      return entries.size;
    },
    mailboxIds: (): readonly MailboxId[] => [...entries.keys()],
    /** Hands the connection out; it is not held any more. Null where there is none for what is `opened` now. */
    take(mailboxId: MailboxId, opened: string): WarmConnection | null {
      const entry = entries.get(mailboxId);
      if (entry === undefined) return null;
      if (entry.opened !== opened || entry.retireAt <= now()) {
        remove(entry, "retired");
        return null;
      }
      entries.delete(mailboxId);
      return entry;
    },
    /**
     * Waits in the folder from now on. Null: the caller closes it, because the server cannot tell, because its time is
     * over, because access was taken away after it was `authorizedAt`, or because this worker takes no more.
     */
    keep(warm: WarmConnection, { wasHeld, authorizedAt }: KeepTerms): Kept | null {
      const { watch } = warm.connection;
      if (watch === null || countMax === 0 || warm.retireAt <= now() || !(takesMore || wasHeld)) return null;
      if (closures.some((closure) => closure.at >= authorizedAt && isAbout(closure, warm))) return null;
      const before = entries.get(warm.mailboxId);
      if (before !== undefined) remove(before, "displaced");
      const entry: Entry = { ...warm, phase: "finishing", news: "none" };
      entries.set(warm.mailboxId, entry);
      if (entries.size > countMax) removeWhere((each) => entries.size > countMax && each !== entry, "evicted");
      watch.begin({
        onNews() {
          if (entry.news === "none") entry.news = "told";
          void tell(entry);
        },
        onEnd: () => remove(entry, "ended"),
      });
      return {
        hasNews: () => entry.news !== "none",
        settle({ nextDue }) {
          entry.phase = "waiting";
          // The finish itself has made the mailbox due for what was told before it.
          if (entry.news === "told" && nextDue !== null && nextDue <= now()) entry.news = "announced";
          void tell(entry);
        },
        drop: () => remove(entry, "displaced"),
      };
    },
    /** While false, only what was held before is kept. */
    takeMore(more: boolean): void {
      takesMore = more;
    },
    get takesMore() {
      return takesMore;
    },
    /** Access to these has changed: whatever is open for them is closed, also what a pass has taken out, when it is put back. */
    close(whose: Whose): void {
      const at = now();
      closures = [...closures.filter((closure) => at.getTime() - closure.at.getTime() < passMsMax), { ...whose, at }];
      removeWhere((each) => isAbout(whose, each), "closed");
    },
    /** A newer run has finished elsewhere. Without an epoch: whatever run it was. */
    displace(mailboxId: MailboxId, epoch?: number): void {
      removeWhere((each) => each.mailboxId === mailboxId && (epoch === undefined || each.epoch < epoch), "displaced");
    },
    retire(): void {
      const at = now();
      removeWhere((each) => each.phase === "waiting" && each.retireAt <= at, "retired");
    },
    /** Gives up this many, the ones kept longest ago first. */
    shed(count: number): void {
      for (const entry of [...entries.values()].slice(0, count)) remove(entry, "shed");
    },
    announceAgain(): void {
      for (const entry of entries.values()) void tell(entry);
    },
    async closeAll(): Promise<void> {
      const open = [...entries.values()];
      entries.clear();
      await Promise.all(open.map(({ connection }) => connection.close()));
    },
  };
}
