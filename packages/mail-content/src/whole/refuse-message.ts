import { OperationalError } from "@mailfleet/domain";

/** Says what is wrong with a message that somebody else wrote, and nothing of what is in it. */
export function refuseMessage(fault: string): never {
  const publicMessage = `The message ${fault}.`;
  throw new OperationalError("contract.violated", `whole message: ${fault}`, { publicMessage });
}
