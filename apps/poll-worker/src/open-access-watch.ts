import type { Database } from "@mailfleet/database";
import { type Gate, processActor } from "@mailfleet/gate";
import { type AccessWatch, watchAccess } from "@mailfleet/runtime";

const worker = processActor("poll-worker");

export type AccessWatchParts = {
  readonly gate: Gate;
  readonly database: Pick<Database, "fleet">;
  readonly onError: (error: unknown) => void;
};

/** Tells this process within a second who lost access to what. */
export async function openAccessWatch({ gate, database, onError }: AccessWatchParts): Promise<AccessWatch> {
  const { accessChanges } = database.fleet;
  const runGrant = () => gate.authorize({ actor: worker, action: "fleet.run", resource: {} });
  const reader = accessChanges.openReader();
  return watchAccess({
    read: async () => reader.read(await runGrant()),
    onChange: async (listener) => accessChanges.onChange(await runGrant(), listener),
    onError,
  });
}
