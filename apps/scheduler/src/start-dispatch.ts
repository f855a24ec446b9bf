import { startLoop } from "@mailfleet/runtime";
import { type Dispatch, dispatch, scheduler } from "./dispatch.ts";

export type StartDispatchOptions = {
  readonly stopping: AbortSignal;
  readonly onError: (error: unknown) => void;
};

/** Turns due rows of one kind into jobs until closed; asleep while nothing is due, and awake when the database says so. */
export async function startDispatch(deps: Dispatch, options: StartDispatchOptions) {
  const grant = await deps.gate.authorize({ actor: scheduler, action: "fleet.claim", resource: {} });
  const loop = startLoop(dispatch(deps), options);
  const listening = await deps.claims.onDue(grant, loop.wake);
  return {
    async close(): Promise<void> {
      await listening.close();
      await loop.close();
    },
  };
}
