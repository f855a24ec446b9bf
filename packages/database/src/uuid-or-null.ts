import { MessageId } from "@mailfleet/domain";

/** Ids of every kind are UUIDs; anything else names no row, and makes no statement fail. */
export function uuidOrNull(value: string | null): string | null {
  return MessageId.safeParse(value).data ?? null;
}
