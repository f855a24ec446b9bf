import type { HostBreakers, PollStart } from "@mailfleet/database";
import type { OperationalError } from "@mailfleet/domain";
import type { Grant } from "@mailfleet/gate";
import { coolDownMs, type HostOutcome, type HostTrouble, type HostWatch } from "@mailfleet/scheduling";

export type JudgeHostDeps = {
  readonly breakers: Pick<HostBreakers, "open" | "close">;
  readonly watch: HostWatch;
  readonly now: () => Date;
  readonly random: () => number;
  readonly onHost: (change: { readonly state: "left-alone" | "returned"; readonly openingsCount: number }) => void;
};

export type HostFinding = {
  readonly mailboxId: string;
  readonly poll: PollStart;
  readonly failure: OperationalError | null;
  readonly grant: () => Promise<Grant<"fleet.run">>;
};

/**
 * What a pass tells of its mail host. Where many of a host's mailboxes fail in a row, the host is left alone for all
 * tenants; a mailbox that tries it afterwards ends that with an answer, or prolongs it.
 *
 * @returns whether the host is to blame for the failure, and not the mailbox
 */
export async function judgeHost(deps: JudgeHostDeps, finding: HostFinding): Promise<boolean> {
  const { mailboxId, poll, failure, grant } = finding;
  const { host, openingsCount } = poll.breaker;
  const kind = outcomeOf(failure);
  if (kind === null) return false;
  const at = deps.now();
  const asked = failure?.retryAt === undefined ? undefined : failure.retryAt.getTime() - at.getTime();
  const trouble = deps.watch.note({ host, mailboxId, at, kind, hintMs: asked });
  if (kind === "answered") {
    const closed = openingsCount > 0 && (await deps.breakers.close(await grant(), poll.breaker));
    if (closed) deps.onHost({ state: "returned", openingsCount });
    return false;
  }
  // While it is tried, one more failure says as much as many did before.
  const found: HostTrouble | null = trouble ?? (openingsCount > 0 ? { hintMs: asked ?? null } : null);
  if (found === null) return false;
  const next = openingsCount + 1;
  const pauseMs = coolDownMs({ openingsCount: next, hintMs: found.hintMs, random: deps.random });
  const opened = await deps.breakers.open(await grant(), poll.breaker, pauseMs);
  if (opened) deps.onHost({ state: "left-alone", openingsCount: next });
  return true;
}

/** Null says nothing of the host: a run that ended for reasons of ours. */
function outcomeOf(failure: OperationalError | null): HostOutcome["kind"] | null {
  switch (failure?.code) {
    case undefined:
    case "folder.missing":
    case "login.refused":
    case "login.suspect":
      return "answered";
    case "provider.unavailable":
      return "unreachable";
    case "provider.throttled":
      return "throttled";
    default:
      return null;
  }
}
