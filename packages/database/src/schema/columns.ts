import { bigint, customType, timestamp } from "../drizzle.ts";

export const bytes = customType<{ data: Uint8Array; driverData: Uint8Array }>({ dataType: () => "bytea" });
export const instant = (name: string) => timestamp(name, { withTimezone: true, mode: "date" });
export const count = (name: string) => bigint(name, { mode: "number" });
