/**
 * Addresses of hosts, and networks in CIDR notation (RFC 4632 section 3.1, RFC 4291 section 2.3).
 *
 * @module
 */

/** A network: the addresses that begin with some bits. */
export interface Network {
  /** The first address: 4 bytes of IPv4, 16 of IPv6. */
  readonly address: Uint8Array;
  /** How many bits all addresses have in common with the first. */
  readonly prefixBits: number;
}

/**
 * Reads an address of IPv4 or IPv6.
 *
 * @returns Its 4 or 16 bytes; an IPv4 address that is mapped into IPv6 (RFC 4291 section 2.5.5.2)
 * is given as what it is. Null if it is not an address.
 */
export function parseAddress(text: string): Uint8Array | null {
  return text.includes(":") ? parseIpv6(text) : parseIpv4(text);
}

/**
 * Reads a network in CIDR notation, or an address, which is a network of its own.
 *
 * @returns Null if it is neither, or if bits are set that do not belong to the network.
 */
export function parseNetwork(text: string): Network | null {
  const [, addressText = "", bitsText] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const address = parseAddress(addressText);
  if (address === null) return null;
  const length = address.length * 8;
  const mapped = addressText.includes(":") && address.length === 4 ? 96 : 0;
  const prefixBits = bitsText === undefined ? length : Number(bitsText) - mapped;
  if (prefixBits < 0 || prefixBits > length) return null;
  for (let bit = prefixBits; bit < length; bit++) {
    if (bitOf(address, bit) !== 0) return null;
  }
  return { address, prefixBits };
}

/** Whether an address is one of a network's. */
export function isInNetwork(address: Uint8Array, network: Network): boolean {
  if (address.length !== network.address.length) return false;
  for (let bit = 0; bit < network.prefixBits; bit++) {
    if (bitOf(address, bit) !== bitOf(network.address, bit)) return false;
  }
  return true;
}

/**
 * Reads networks with commas between them.
 *
 * @returns Null if any of them is not one, or there is none.
 */
export function parseNetworkList(text: string): readonly Network[] | null {
  const networks = text.split(",").map(parseNetwork);
  const valid = networks.filter((network) => network !== null);
  return valid.length === networks.length ? valid : null;
}

function bitOf(bytes: Uint8Array, bit: number): number {
  return ((bytes[bit >> 3] ?? 0) >> (7 - (bit & 7))) & 1;
}

function parseIpv4(text: string): Uint8Array | null {
  const parts = text.split(".");
  // A leading zero would be octal to some, and decimal to others.
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part))) return null;
  const numbers = parts.map(Number);
  return numbers.every((number) => number <= 255) ? Uint8Array.from(numbers) : null;
}

/** The platform's URLs know all forms of IPv6 addresses, and give them in one (RFC 5952). */
function parseIpv6(text: string): Uint8Array | null {
  if (!/^[0-9A-Fa-f:.]{2,45}$/.test(text)) return null;
  let host: string;
  try {
    host = new URL(`http://[${text}]/`).hostname.slice(1, -1);
  } catch {
    return null;
  }
  const [head = "", tail] = host.split("::");
  const groupsOf = (part: string): string[] => part === "" ? [] : part.split(":");
  const [before, after] = [groupsOf(head), groupsOf(tail ?? "")];
  const zeros = new Array<string>(8 - before.length - after.length).fill("0");
  const bytes = [...before, ...zeros, ...after].flatMap((group) => {
    const number = Number.parseInt(group, 16);
    return [number >> 8, number & 0xff];
  });
  const isMapped = bytes.slice(0, 10).every((byte) => byte === 0) &&
    bytes[10] === 0xff && bytes[11] === 0xff;
  return Uint8Array.from(isMapped ? bytes.slice(12) : bytes);
}
