import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import type { GlobalReply } from "../../protocol/mod.ts";
import { encodeGlobalRequest, encodeRequestSuccess } from "../../wire/connection_messages.ts";
import { Msg } from "../../wire/message_numbers.ts";
import { Writer } from "../../wire/writer.ts";
import {
  close,
  EMPTY,
  failure,
  request,
  success,
  withChannel,
} from "../helpers/channel_messages.ts";
import { rawClientLetIn, rawServerLetIn } from "../helpers/raw_channel_peer.ts";

describe("connection: replies to requests", () => {
  it("go out in the order of the requests, whatever the order of the answers", async () => {
    const connection = await withChannel();
    await connection.exchange([request(0, "a"), request(0, "b", false), request(0, "c")]);
    const [a, b, c] = connection.log.requests;
    c?.reply(false);
    c?.reply(true);
    b?.reply(true);
    assert.deepEqual(await connection.settle(), []);
    a?.reply(true);
    a?.reply(false);
    c?.reply(true);
    assert.deepEqual(await connection.settle(), [
      success(7),
      failure(7),
    ]);
  });

  it("do not go out after CLOSE", async () => {
    const connection = await withChannel();
    await connection.exchange([request(0), request(0)]);
    const [first, second] = connection.log.requests;
    second?.reply(true);
    connection.channel.sendClose();
    first?.reply(true);
    assert.deepEqual(await connection.settle(), [close(7)]);
  });

  it("that are owed are bounded in number", async () => {
    const connection = await withChannel();
    await connection.exchange(Array(1000).fill(request(0)));
    assert.equal(connection.sink.closed, null);
    await connection.exchange([request(0)]);
    assert.match(String(connection.sink.closed), /1000 wait for their replies/);
    assert.equal(connection.log.requests.length, 1000);
  });

  it("that are owed are bounded by the length of the requests", async () => {
    const long = (): Uint8Array =>
      new Writer().raw(request(0)).raw(new Uint8Array(200_000)).finish();
    const connection = await withChannel();
    await connection.exchange(Array.from({ length: 5 }, long));
    for (const { reply } of connection.log.requests.splice(0)) reply(true);
    await connection.exchange(Array.from({ length: 5 }, long));
    assert.equal(connection.sink.closed, null);
    await connection.exchange([long()]);
    assert.match(String(connection.sink.closed), /5 wait for their replies, with 1000000 bytes/);

    const global = encodeGlobalRequest({
      name: "x",
      wantReply: true,
      payload: new Uint8Array(200_000),
    });
    const other = await rawClientLetIn();
    await other.exchange(Array(6).fill(global));
    assert.match(String(other.sink.closed), /5 wait for their replies, with 1000000 bytes/);
  });

  it("are given to those who asked, in order", async () => {
    const connection = await withChannel();
    const replies: string[] = [];
    for (const name of ["a", "b", "c"]) {
      connection.channel.sendRequest(name, EMPTY, (success) => replies.push(`${name} ${success}`));
    }
    connection.channel.sendRequest("d", EMPTY, null);
    await connection.exchange([
      success(0),
      failure(0),
      success(0),
    ]);
    assert.deepEqual(replies, ["a true", "b false", "c true"]);
    await connection.exchange([success(0)]);
    assert.match(String(connection.sink.closed), /no request waits/);
  });

  it("to global requests keep their order as well, and are bounded", async () => {
    const connection = await rawClientLetIn();
    const wanted = encodeGlobalRequest({ name: "x", wantReply: true, payload: EMPTY });
    const unwanted = encodeGlobalRequest({ name: "y", wantReply: false, payload: EMPTY });
    await connection.exchange([wanted, unwanted, wanted]);
    const [a, b, c] = connection.sink.globalRequests.splice(0);
    c?.succeed(Uint8Array.of(1));
    b?.succeed();
    assert.deepEqual(await connection.settle(), []);
    a?.fail();
    a?.succeed();
    assert.deepEqual(await connection.settle(), [
      Uint8Array.of(Msg.REQUEST_FAILURE),
      encodeRequestSuccess(Uint8Array.of(1)),
    ]);
    await connection.exchange(Array(1000).fill(wanted));
    assert.equal(connection.sink.closed, null);
    await connection.exchange([wanted]);
    assert.match(String(connection.sink.closed), /1000 wait for their replies/);
  });

  it("to our global requests are given in order", async () => {
    const connection = await rawServerLetIn();
    const replies: GlobalReply[] = [];
    connection.engine.sendGlobalRequest("a", EMPTY, (reply) => replies.push(reply));
    connection.engine.sendGlobalRequest("b", EMPTY, null);
    connection.engine.sendGlobalRequest("c", EMPTY, (reply) => replies.push(reply));
    await connection.exchange([
      encodeRequestSuccess(Uint8Array.of(1, 2)),
      Uint8Array.of(Msg.REQUEST_FAILURE),
    ]);
    assert.deepEqual(replies, [Uint8Array.of(1, 2), null]);
    await connection.exchange([Uint8Array.of(Msg.REQUEST_FAILURE)]);
    assert.match(String(connection.sink.closed), /no request waits/);
  });
});
