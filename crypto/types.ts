/**
 * What the protocol asks of cryptography. Algorithms are objects that satisfy these interfaces,
 * listed in readonly arrays in order of preference; one that nobody lists drops out of a bundle.
 *
 * @module
 */

/** A value that may have to be waited for. */
export type MaybePromise<T> = T | Promise<T>;

/** Gives as many fresh random bytes as it is asked for. */
export type RandomSource = (length: number) => Uint8Array<ArrayBuffer>;

/** A hash function, synchronous on every runtime. */
export interface HashAlgorithm {
  /** The field's name, such as `SHA-256`, as WebCrypto spells it. */
  readonly name: string;
  /** The digest's length in bytes. */
  readonly digestBytes: number;
  /** The digest of `data`. */
  digest(data: Uint8Array): Uint8Array<ArrayBuffer>;
}

/** A key of a MAC, ready to authenticate packets of one direction (RFC 4253 section 6.4). */
export interface PacketMac {
  /** The length of a tag in bytes. */
  readonly tagBytes: number;
  /** Writes the tag of `uint32 sequence || data` to `tag`. */
  sign(sequence: number, data: Uint8Array, tag: Uint8Array): void;
  /** Whether `tag` is that of `uint32 sequence || data`, compared in constant time. */
  verify(sequence: number, data: Uint8Array, tag: Uint8Array): boolean;
}

/** A MAC algorithm that can be negotiated. */
export interface MacAlgorithm {
  /** The name on the wire. */
  readonly name: string;
  /** The key's length in bytes. */
  readonly keyBytes: number;
  /** The tag's length in bytes. */
  readonly tagBytes: number;
  /** Whether the tag is over the ciphertext, the length being sent in the clear (`-etm`). */
  readonly encryptThenMac: boolean;
  /** Readies a key. */
  create(key: Uint8Array): PacketMac;
}

/** What sealing and opening have in common. */
export interface PacketProtection {
  /** What the encrypted part's length is a multiple of, in bytes: at least 8. */
  readonly blockBytes: number;
  /** The length of the tag behind the packet, in bytes; 0 for none. */
  readonly tagBytes: number;
  /**
   * Whether the four bytes of the length are part of what is padded to a multiple of
   * {@linkcode blockBytes}: so in RFC 4253, not so for AEAD and `-etm`.
   */
  readonly padsLength: boolean;
}

/**
 * Protects the packets of one direction, from one NEWKEYS to the next. A packet is laid out as in
 * RFC 4253 section 6: `uint32 length | byte padding length | payload | padding | tag`.
 */
export interface PacketSealer extends PacketProtection {
  /**
   * Seals a packet in place: at once, or by the time that the promise resolves. The next packet
   * may be given before that.
   *
   * @param packet The whole packet, with room for the tag at its end.
   * @param sequence The packet's sequence number, a uint32.
   */
  seal(packet: Uint8Array, sequence: number): void | Promise<void>;
  /**
   * Seals a large packet into buffers of its own, in place of {@linkcode seal}. Only sealers have it
   * whose cipher makes such buffers anyway: where they can be sent as they are, that saves a copy.
   *
   * @param packet The packet without room for the tag. It may be changed, and is read during the
   *   call only.
   * @param sequence The packet's sequence number, a uint32.
   * @returns What to send, in order, the tag included.
   */
  readonly sealApart?:
    | ((packet: Uint8Array, sequence: number) => readonly Uint8Array[])
    | undefined;
}

/** Takes the protection off packets of one direction, one after another. */
export interface PacketOpener extends PacketProtection {
  /** How many bytes of a packet have to be there before its length can be told: 4 at least. */
  readonly headBytes: number;
  /**
   * Tells a packet's length field. It is called exactly once a packet, and may decrypt the head in
   * place; the value is not authenticated yet.
   */
  openLength(head: Uint8Array, sequence: number): number;
  /**
   * Verifies a packet's tag, in constant time, and decrypts what {@linkcode openLength} has not: at
   * once, or by the time that the promise resolves. The next packet may be given before that.
   *
   * @param packet The whole packet, tag included. It may be changed, and is read during the call
   *   only.
   * @returns What was decrypted, from the padding length on, in a buffer of its own; null if the
   *   tag is wrong.
   */
  open(packet: Uint8Array, sequence: number): MaybePromise<Uint8Array<ArrayBuffer> | null>;
}

/** What a cipher is keyed with: RFC 4253 section 7.2. */
export interface CipherKeys {
  /** {@linkcode CipherAlgorithm.keyBytes} bytes. */
  readonly key: Uint8Array;
  /** {@linkcode CipherAlgorithm.ivBytes} bytes. */
  readonly iv: Uint8Array;
  /** The MAC with its key; an algorithm that authenticates by itself has none. */
  readonly mac?: { readonly algorithm: MacAlgorithm; readonly key: Uint8Array };
}

/** A cipher that can be negotiated. */
export interface CipherAlgorithm {
  /** The name on the wire. */
  readonly name: string;
  /** The key's length in bytes. */
  readonly keyBytes: number;
  /** The initial vector's length in bytes. */
  readonly ivBytes: number;
  /** The cipher's block in bytes, at least 8: what a rekey limit by blocks counts. */
  readonly blockBytes: number;
  /** Whether it authenticates by itself, so that no MAC is negotiated for it. */
  readonly aead: boolean;
  /** Readies keys to seal with. */
  createSealer(keys: CipherKeys): PacketSealer;
  /** Readies keys to open with. */
  createOpener(keys: CipherKeys): PacketOpener;
}

/** The side of a key agreement that speaks first: it has made its share. */
export interface KeyAgreementStart {
  /** What is sent to the server. */
  readonly share: Uint8Array;
  /**
   * The shared secret, from the server's share.
   *
   * @throws {ProtocolError} If the share is not a valid one.
   */
  finish(serverShare: Uint8Array): MaybePromise<Uint8Array>;
}

/**
 * A way for two ends to agree on a secret with one share each: Diffie-Hellman over integers or
 * curves, or a key encapsulation, or both together.
 */
export interface KeyAgreement {
  /** How the shares are written into messages and the exchange hash. */
  readonly shareEncoding: "string" | "mpint";
  /** How the secret is written into the exchange hash and the key derivation. */
  readonly secretEncoding: "string" | "mpint";
  /** The client's side. */
  start(random: RandomSource): MaybePromise<KeyAgreementStart>;
  /**
   * The server's side, whole.
   *
   * @throws {ProtocolError} If the client's share is not a valid one.
   */
  respond(
    clientShare: Uint8Array,
    random: RandomSource,
  ): MaybePromise<{ readonly share: Uint8Array; readonly secret: Uint8Array }>;
}
