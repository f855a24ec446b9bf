/** A tenant in line for a turn, and the lanes (by any number that names them) its due rows stand in. */
export type TenantInLine = {
  readonly weight: number;
  /** Rows its rate and its cap leave it now. */
  readonly rowsMax: number;
  readonly lanes: readonly LaneInLine[];
};

export type LaneInLine = { readonly index: number; readonly host: string };

export type Room = {
  readonly rows: number;
  /** The least a turn is, times the tenant's weight. */
  readonly quantum: number;
  /** Rows each host with limits takes now. A host that is not named takes any number. */
  readonly hosts: ReadonlyMap<string, number>;
};

/**
 * One round: how many rows each lane may give. A tenant's turn is its weighted part of the room and at least a quantum, in
 * the order of the line, until the room is spent; what a lane turns out not to have is shared out in the next round. What a
 * host does not take is no part of anyone's turn.
 */
export function shareRoom(room: Room, line: readonly TenantInLine[]): ReadonlyMap<number, number> {
  const hosts = new Map(room.hosts);
  const takes = ({ host }: LaneInLine) => hosts.get(host) ?? Number.POSITIVE_INFINITY;
  const waiting = line
    .map((tenant) => ({ ...tenant, lanes: tenant.lanes.filter((lane) => takes(lane) > 0) }))
    .filter(({ rowsMax, lanes }) => rowsMax > 0 && lanes.length > 0);
  const weights = waiting.reduce((sum, { weight }) => sum + weight, 0);

  const shares = new Map<number, number>();
  let left = room.rows;
  for (const { weight, rowsMax, lanes } of waiting) {
    let turn = Math.min(Math.max(room.quantum * weight, Math.ceil((room.rows * weight) / weights)), rowsMax, left);
    for (const [position, lane] of lanes.entries()) {
      const share = Math.min(Math.ceil(turn / (lanes.length - position)), takes(lane));
      if (share <= 0) continue;
      shares.set(lane.index, share);
      if (hosts.has(lane.host)) hosts.set(lane.host, takes(lane) - share);
      turn -= share;
      left -= share;
    }
    if (left <= 0) break;
  }
  return shares;
}
