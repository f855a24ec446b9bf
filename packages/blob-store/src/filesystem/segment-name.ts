const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** The name of a segment if it is one (a UUIDv7), else null: nothing else may become part of a path. */
export function segmentName(text: string): string | null {
  return uuid.test(text) ? text : null;
}

/** The last two digits are random and spread segments over 256 folders; the first ones are the time and would not. */
export function segmentFolder(name: string): string {
  return name.slice(-2);
}
