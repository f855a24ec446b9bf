/** How many mailboxes each tenant has: the n-th largest an n-th of the largest (Zipf's law), `total` together, each at least one. */
export function zipfSizes(tenantsCount: number, total: number): readonly number[] {
  const harmonic = Array.from({ length: tenantsCount }, (_, rank) => 1 / (rank + 1)).reduce(
    (sum, part) => sum + part,
    0,
  );
  const sizes = Array.from({ length: tenantsCount }, (_, rank) =>
    Math.max(1, Math.floor(total / harmonic / (rank + 1))),
  );
  const missing = total - sizes.reduce((sum, size) => sum + size, 0);
  sizes[0] = (sizes[0] ?? 0) + missing;
  return sizes;
}
