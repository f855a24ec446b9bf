import type { ProviderAppRow } from "@mailfleet/database";
import { OperationalError } from "@mailfleet/domain";
import { UsageError } from "../faults.ts";
import type { Session } from "../open-session.ts";

/** The app of this name; or, for `google`, `microsoft` and `oidc`, the only one of that kind. */
export async function findApp(session: Session, name: string): Promise<Pick<ProviderAppRow, "name" | "kind">> {
  const apps = await session.database.fleet.providerApps.list(await session.authorize("fleet.read", {}));
  const named = apps.find((app) => app.name === name);
  if (named !== undefined) return named;
  const [only, ...others] = apps.filter(({ kind }) => kind === name);
  if (only !== undefined && others.length === 0) return only;
  if (only !== undefined)
    throw new UsageError(`there are several apps of kind ${name}`, "Name one of `mailfleet provider-app list`.");
  throw new OperationalError("provider-app.missing", "there is no such app; `mailfleet provider-app list` shows them");
}
