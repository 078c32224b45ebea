/**
 * An engine that is connected, with channels that are open, pending and refused.
 *
 * @module
 */

import { RecordingChannelSink } from "../helpers/application_sink.ts";
import { sealedTarget } from "./_engine_phase.ts";

const LIMITS = { windowBytes: 500, maxPacketBytes: 200 };

/** The first byte says the role, the rest are the payloads. */
export const fuzz: (data: Uint8Array) => Promise<void> = sealedTarget("connected", (peer) => {
  for (const type of ["a", "b"]) {
    const sink = new RecordingChannelSink();
    const channel = peer.engine.openChannel(type, new Uint8Array(0), LIMITS, sink);
    sink.onOpen = () => {
      channel.sendRequest("x", new Uint8Array(0), () => {});
      channel.sendData(new Uint8Array(Math.min(channel.sendableBytes, 10)));
    };
  }
  peer.engine.sendGlobalRequest("y", new Uint8Array(0), () => {});
});
