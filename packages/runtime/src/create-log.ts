import { pino } from "pino";
import { redact } from "./redact.ts";

export type LogFields = Readonly<Record<string, unknown>>;

/** Events are named `noun.kebab-state`. Nothing here throws. */
export type Log = {
  debug(event: string, fields?: LogFields): void;
  info(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields): void;
  error(event: string, fields?: LogFields): void;
};

export const logLevels = ["debug", "info", "warn", "error"] as const;
export type LogLevel = (typeof logLevels)[number];

export type LogOptions = {
  readonly level: LogLevel;
  /** Gets each line with its newline. Standard output where there is none; written before the call returns. */
  readonly destination?: { write(line: string): void };
};

/** JSON lines: `time`, `level`, `component`, `event`, and the fields, from which secrets and addresses are taken out. */
export function createLog(component: string, options: LogOptions): Log {
  const sink = pino(
    {
      level: options.level,
      base: { component },
      messageKey: "event",
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (level) => ({ level }) },
    },
    options.destination ?? pino.destination({ fd: 1, sync: true }),
  );
  const write = (level: LogLevel) => (event: string, fields?: LogFields) => {
    if (!sink.isLevelEnabled(level)) return;
    sink[level](withoutOurNames(clean(fields)), event);
  };
  return { debug: write("debug"), info: write("info"), warn: write("warn"), error: write("error") };
}

/** A getter or a proxy among the fields can throw; a line that says so is better than a job that ends for its log. */
function clean(fields: LogFields = {}): object {
  try {
    return redact(fields) as object;
  } catch {
    return { unreadableFields: Object.keys(fields) };
  }
}

/** A field cannot stand in for one of the line's own. */
function withoutOurNames(fields: object): object {
  const ours = new Set(["time", "level", "component", "event"]);
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [ours.has(name) ? `${name}_` : name, value]));
}
