import type { Rewrite } from "./rewrite-source.ts";

/** The guards that `--break` can take away, each on scratch data of its own. */
export const guards = ["unique-key", "fence", "gate"] as const;
export type Guard = (typeof guards)[number];

/** One statement on the demo's own database. */
export const withoutUniqueKey = "alter table messages drop constraint messages_tenant_id_mailbox_id_content_key_key";

/** A page is stored whoever holds the mailbox. */
export const withoutFence: Rewrite = {
  file: "packages/database/src/inbox.ts",
  find: 'if (rows.length === 0) throw new OperationalError("run.fenced"',
  replace: 'if (rows.length < 0) throw new OperationalError("run.fenced"',
};

/** The policies are asked, and their no is not heard. */
export const withoutGate: Rewrite = {
  file: "packages/gate/src/create-gate.ts",
  find: "if (!decision.allowed) return",
  replace: "if (!decision.allowed && Date.now() < 0) return",
};

/** A worker that freezes, as a paused virtual machine does, after its last look at the clock and before it writes. */
export const freezeBeforePage = (page: number): Rewrite => ({
  file: "apps/poll-worker/src/store-page.ts",
  find: "return await inbox.storePage(grant, page);",
  replace: `
    const demo = globalThis as { demoPages?: number };
    demo.demoPages = (demo.demoPages ?? 0) + (page.messages.length > 0 ? 1 : 0);
    if (page.messages.length > 0 && demo.demoPages === ${page}) process.kill(process.pid, "SIGSTOP");
    return await inbox.storePage(grant, page);`,
});
