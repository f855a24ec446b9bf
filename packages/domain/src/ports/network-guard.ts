/** An address that was judged and may be dialled. Connect to it, not to the name: a second look-up may answer otherwise. */
export type VettedAddress = { readonly address: string; readonly family: 4 | 6 };

/**
 * Decides which addresses the fleet may dial. Host names come from tenants, and a name may lead into our own network.
 *
 * Every address of the name is judged; one refused address refuses the name.
 *
 * @throws OperationalError `host.refused` when an address is private, link-local, loopback or otherwise not public
 * @throws OperationalError `provider.unavailable` when the name does not resolve now
 */
export interface NetworkGuard {
  vet(host: string, options: { signal: AbortSignal }): Promise<VettedAddress>;
}
