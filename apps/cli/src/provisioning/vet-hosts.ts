import { type NetworkGuard, OperationalError } from "@mailfleet/domain";
import type { Path } from "./locate-in-yaml.ts";
import type { Conflict } from "./plan-changes.ts";
import type { WantedTenant } from "./read-tenants-file.ts";

const vetMsMax = 10_000;

/** Every host that the fleet may not dial, with the setting that names it. A name that does not resolve now is left to the login. */
export async function findRefusedHosts(
  wanted: readonly WantedTenant[],
  guard: NetworkGuard,
): Promise<readonly Conflict[]> {
  const named = wanted.flatMap(({ mailboxes }) =>
    mailboxes.flatMap(({ imap, smtp, path }) => [
      { host: imap.host, path: [...path, "imap", "host"] },
      ...(smtp ? [{ host: smtp.host, path: [...path, "smtp", "host"] }] : []),
    ]),
  );
  const byHost = Map.groupBy(named, ({ host }) => host.toLowerCase());
  const found = await Promise.all(
    [...byHost].map(async ([host, places]) => ((await isRefused(host, guard)) ? places.map(({ path }) => path) : [])),
  );
  const message = "the fleet may not dial this host: it is, or resolves to, an address that is not public";
  return found.flat().map((path: Path) => ({ path, message }));
}

async function isRefused(host: string, guard: NetworkGuard): Promise<boolean> {
  try {
    await guard.vet(host, { signal: AbortSignal.timeout(vetMsMax) });
    return false;
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    return error.code === "host.refused";
  }
}
