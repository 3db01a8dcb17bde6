/** A date and time as a wall clock shows it, as the milliseconds that it would be in UTC. */
export type Wall = number;

const minuteMs = 60_000;
const dayMs = 86_400_000;
const formats = new Map<string, Intl.DateTimeFormat>();

function formatOf(zone: string): Intl.DateTimeFormat {
  const known = formats.get(zone);
  if (known !== undefined) return known;
  const parts = { year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric' } as const;
  const made = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    calendar: 'iso8601',
    numberingSystem: 'latn',
    hourCycle: 'h23',
    ...parts,
  });
  formats.set(zone, made);
  return made;
}

/** Whether this machine knows the zone, by its IANA name. */
export function isZone(zone: string): boolean {
  try {
    return formatOf(zone) !== undefined;
  } catch {
    return false;
  }
}

/** What a wall clock in the zone shows at that instant (epoch ms, whole minutes). */
export function wallAt(instant: number, zone: string): Wall {
  const part: Record<string, number> = {};
  for (const { type, value } of formatOf(zone).formatToParts(instant)) part[type] = Number(value);
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0 } = part;
  return Date.UTC(year, month - 1, day, hour, minute);
}

/** How far the zone's wall clocks are ahead of UTC at that instant, in milliseconds. */
function offsetAt(instant: number, zone: string): number {
  return wallAt(instant, zone) - Math.floor(instant / minuteMs) * minuteMs;
}

/** The instants at which a wall clock in the zone shows this: one, none on the day that loses an hour, two on the day that repeats one. */
export function instantsOf(wall: Wall, zone: string): readonly number[] {
  const offsets = new Set([offsetAt(wall - dayMs, zone), offsetAt(wall + dayMs, zone)]);
  return [...offsets]
    .map((offset) => wall - offset)
    .filter((instant) => wallAt(instant, zone) === wall)
    .sort((a, b) => a - b);
}

/** The instant at which wall clocks jump over this time, which none of them shows. */
export function endOfGap(wall: Wall, zone: string): number {
  const before = offsetAt(wall - dayMs, zone);
  let early = wall - offsetAt(wall + dayMs, zone) - minuteMs;
  let late = wall - before + minuteMs;
  while (late - early > minuteMs) {
    const middle = Math.floor((early + late) / 2 / minuteMs) * minuteMs;
    if (offsetAt(middle, zone) === before) early = middle;
    else late = middle;
  }
  return late;
}
