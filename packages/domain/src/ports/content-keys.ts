/** A key for one segment, good for AES-256. The holder overwrites `key` when done. */
export type ContentKey = { readonly version: number; readonly key: Uint8Array };

/**
 * Keys for stored content, derived from the tenant's `content` data key, one for each segment, so that there is nothing to
 * store for each and no two segments share one.
 *
 * @throws OperationalError `credential.unreadable` when that version was destroyed or never was
 * @throws OperationalError `key.unavailable` when the key service does not answer
 */
export interface ContentKeys<Access> {
  /** Of the newest version. The first call for a tenant makes it. */
  forNewSegment(access: Access, segment: string, options: { signal: AbortSignal }): Promise<ContentKey>;
  forSegment(access: Access, segment: string, version: number, options: { signal: AbortSignal }): Promise<ContentKey>;
}
