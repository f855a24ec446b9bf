import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { startDovecot, temporaryFolder } from "@mailfleet/testkit/servers";
import type { BenchFleet } from "../fleet/open-bench-fleet.ts";

/** The reference: bare clients that wait in IDLE, in a process of their own. */
export type IdleClients = {
  readonly pid: number;
  /** When a user's client was told of its nth message, in ms since 1970. Waits for it. */
  toldAt(user: string, count: number): Promise<number>;
  /** These users' clients wait too from here on. */
  add(users: readonly string[]): Promise<void>;
  close(): Promise<void>;
};

type Told = { readonly user: string; readonly count: number; readonly at: number };
type Line = Told | { readonly ready: true };

const program = fileURLToPath(new URL("../../reference/idle-clients.ts", import.meta.url));

/**
 * At a second Dovecot that serves the same mail: two sessions of one Dovecot process on one mailbox share an inotify watch,
 * and only one of them is told; the other finds out by itself after 30 s.
 */
export async function startIdleClients(
  fleet: Pick<BenchFleet, "mail">,
  users: readonly string[],
): Promise<IdleClients> {
  await using opened = new AsyncDisposableStack();
  const folder = opened.adopt(await temporaryFolder("idle-clients"), (open) => open.close());
  const crowd = { highPerformance: true, connectionsPerProcessMax: 100 } as const;
  const mail = opened.adopt(await startDovecot({ ...crowd, mailOf: fleet.mail }), (open) => open.close());
  const caFile = join(folder.path, "ca.pem");
  await writeFile(caFile, mail.caPem);
  const request = { port: mail.imapsPort, caFile, users, password: mail.password };
  const child = spawn(process.execPath, [program, JSON.stringify(request)], { stdio: ["pipe", "pipe", "inherit"] });
  const told: Told[] = [];
  const ended = once(child, "close");
  let changed = Promise.withResolvers<void>();
  let readyCount = 0;
  let hasEnded = false;
  const change = () => {
    changed.resolve();
    changed = Promise.withResolvers();
  };
  createInterface({ input: child.stdout }).on("line", (text) => {
    const line = JSON.parse(text) as Line;
    if ("ready" in line) readyCount += 1;
    else told.push(line);
    change();
  });
  void ended.then(() => {
    hasEnded = true;
    change();
  });
  const until = async <Answer>(look: () => Answer | undefined): Promise<Answer> => {
    for (;;) {
      const answer = look();
      if (answer !== undefined) return answer;
      if (hasEnded) throw new Error("the reference ended before its time");
      await changed.promise;
    }
  };
  const ready = (count: number) => until(() => (readyCount >= count ? true : undefined));
  await ready(1);
  const parts = opened.move();
  return {
    pid: child.pid ?? 0,
    toldAt: (user, count) => until(() => told.find((line) => line.user === user && line.count >= count)?.at),
    async add(more) {
      const awaited = readyCount + 1;
      child.stdin.write(`${JSON.stringify(more)}\n`);
      await ready(awaited);
    },
    async close() {
      child.kill("SIGKILL");
      await ended;
      await parts.disposeAsync();
    },
  };
}
