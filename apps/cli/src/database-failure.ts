import type { Failure } from "./describe-failure.ts";
import { exitCodes } from "./exit-codes.ts";

type Answer = Pick<Failure, "code" | "message" | "hint" | "exitCode">;

const unreachable: Answer = {
  code: "database.unavailable",
  message: "the database does not answer",
  hint: "Check that PostgreSQL runs where DATABASE_URL says, and run the same command again.",
  exitCode: exitCodes.tryLater,
};
const refused: Answer = {
  code: "database.refused",
  message: "the database refused the connection: no such database, user or password",
  hint: "Correct DATABASE_URL; the database itself must exist, its tables are made by `mailfleet init`.",
  exitCode: exitCodes.usage,
};
const conflicting: Answer = {
  code: "resource.conflicting",
  message: "someone else made the same thing at the same moment",
  hint: "Look at what is there now and run the same command again if needed.",
  exitCode: exitCodes.conflict,
};

/** By Node's error codes, postgres.js's own, and SQLSTATE (PostgreSQL documentation, appendix A). */
const answerByCode: Readonly<Record<string, Answer>> = {
  ECONNREFUSED: unreachable,
  ECONNRESET: unreachable,
  EAI_AGAIN: unreachable,
  EHOSTUNREACH: unreachable,
  ENETUNREACH: unreachable,
  ENOTFOUND: unreachable,
  ETIMEDOUT: unreachable,
  CONNECT_TIMEOUT: unreachable,
  CONNECTION_CLOSED: unreachable,
  CONNECTION_DESTROYED: unreachable,
  CONNECTION_ENDED: unreachable,
  "53300": unreachable, // too many connections
  "57P01": unreachable, // ended by an administrator
  "57P02": unreachable, // crash
  "57P03": unreachable, // starting up or shutting down
  "28000": refused,
  "28P01": refused,
  "3D000": refused,
  "23505": conflicting,
};

/** What an error of the database's means to the one who called the command, or null where it means that we have a bug. */
export function databaseFailure(error: unknown): Failure | null {
  if (!(error instanceof Error)) return null;
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  const answer = answerByCode[code];
  if (answer !== undefined) return { ...answer, faults: [], stack: null };
  return databaseFailure(error.cause);
}
