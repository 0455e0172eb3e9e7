// SPDX-License-Identifier: GPL-3.0-or-later
// Real libwebrtc as a peer: for each path of the relay a pair of peer connections in this process, one talks G.711, the other's
// NetEq plays. Reads one JSON line {module, speech, seconds, pollMs, paths: [[near, far], ...], capture: directory or null};
// prints one JSON line. Times are CLOCK_MONOTONIC microseconds.
//
//   speaker --(ICE candidate: near port)--> relay --> (far port) --> listener: NetEq -> RTCAudioSink, getStats
"use strict";

const fs = require("fs");
const path = require("path");

const RATE = 8000;
const BLOCK = 80; // 10 ms, what RTCAudioSource takes
const LOOPBACK = / 127\.0\.0\.1 \d+ typ host/;

const nowUs = () => Number(process.hrtime.bigint() / 1000n);
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

// PCMU alone, without comfort noise and header extensions: what is sent is 20 ms of G.711 every 20 ms.
function onlyPcmu(sdp) {
  const kept = sdp.split("\r\n").filter((line) => {
    if (/^a=(rtpmap|fmtp|rtcp-fb):(?!0 )/.test(line)) return false;
    return !/^a=(extmap|candidate|end-of-candidates)/.test(line);
  });
  return kept.join("\r\n").replace(/^(m=audio \d+ \S+) .*$/m, "$1 0");
}

// The other side's candidate stands at the relay.
function throughRelay(candidate, port) {
  const text = candidate.candidate.replace(/ \d+ typ host/, ` ${port} typ host`);
  return { candidate: text, sdpMid: candidate.sdpMid, sdpMLineIndex: candidate.sdpMLineIndex };
}

class Pair {
  constructor(wrtc, near, far, capture) {
    this.source = new wrtc.nonstandard.RTCAudioSource();
    this.speaker = new wrtc.RTCPeerConnection();
    this.listener = new wrtc.RTCPeerConnection();
    this.speaker.addTrack(this.source.createTrack());
    this.series = [];
    this.blocks = [];
    this.captureStartUs = null;
    this.relayed = [
      [this.speaker, this.listener, far],
      [this.listener, this.speaker, near],
    ];
    if (capture) this.listener.ontrack = (event) => this.listen(wrtc, event.track);
  }

  listen(wrtc, track) {
    this.sink = new wrtc.nonstandard.RTCAudioSink(track);
    this.sink.ondata = ({ samples, sampleRate }) => {
      // This loop hears of a block late, never early: the earliest of all says when the first one was played.
      const startUs = nowUs() - this.blocks.length * 10000;
      this.captureStartUs = Math.min(this.captureStartUs === null ? startUs : this.captureStartUs, startUs);
      this.captureRate = sampleRate;
      this.blocks.push(Int16Array.from(samples));
    };
  }

  async connect() {
    const waiting = new Map(this.relayed.map(([, to]) => [to, []]));
    for (const [from, to, port] of this.relayed) {
      from.onicecandidate = ({ candidate }) => {
        if (!candidate || !LOOPBACK.test(candidate.candidate)) return;
        const moved = throughRelay(candidate, port);
        if (to.remoteDescription) to.addIceCandidate(moved);
        else waiting.get(to).push(moved);
      };
    }
    const offer = await this.speaker.createOffer();
    await this.speaker.setLocalDescription(offer);
    await this.listener.setRemoteDescription({ type: "offer", sdp: onlyPcmu(offer.sdp) });
    const answer = await this.listener.createAnswer();
    await this.listener.setLocalDescription(answer);
    await this.speaker.setRemoteDescription({ type: "answer", sdp: onlyPcmu(answer.sdp) });
    for (const [to, candidates] of waiting) for (const one of candidates) to.addIceCandidate(one);
    const deadline = Date.now() + 15000;
    while (this.speaker.connectionState !== "connected" || this.listener.connectionState !== "connected") {
      if (Date.now() > deadline) throw new Error(`not connected: ${this.speaker.connectionState}`);
      await sleep(20);
    }
  }

  feed(speech, n) {
    const start = (n * BLOCK) % speech.length;
    const samples = speech.slice(start, start + BLOCK);
    this.source.onData({ samples, sampleRate: RATE, bitsPerSample: 16, channelCount: 1, numberOfFrames: BLOCK });
  }

  async poll() {
    const stats = await this.listener.getStats();
    for (const s of stats.values()) {
      if (s.type !== "inbound-rtp") continue;
      this.series.push({
        us: Math.round(nowUs()),
        delay_s: s.jitterBufferDelay,
        target_s: s.jitterBufferTargetDelay,
        emitted: s.jitterBufferEmittedCount,
        total: s.totalSamplesReceived,
        concealed: s.concealedSamples,
        silent: s.silentConcealedSamples,
        inserted: s.insertedSamplesForDeceleration,
        removed: s.removedSamplesForAcceleration,
        packets: s.packetsReceived,
      });
    }
  }

  // Playout runs unevenly until the call is up.
  startCapture() {
    this.blocks = [];
    this.captureStartUs = null;
  }

  saveCapture(file) {
    // Before the first packet the rate is another one: 10 ms of silence at the later rate stand for such a block.
    const size = this.captureRate / 100;
    const even = this.blocks.map((b) => (b.length === size ? b : new Int16Array(size)));
    const all = Buffer.concat(even.map((b) => Buffer.from(b.buffer, b.byteOffset, b.byteLength)));
    fs.writeFileSync(file, all);
    return { file, start_us: this.captureStartUs, rate: this.captureRate };
  }

  close() {
    if (this.sink) this.sink.stop();
    this.speaker.close();
    this.listener.close();
  }
}

// Speech into every pair, 10 ms at a time on an absolute grid; the pairs are spread over a packet's time.
async function talk(pairs, speech, seconds, pollMs) {
  pairs.forEach((pair) => pair.startCapture());
  const start = nowUs() + 20000;
  const fed = pairs.map(() => 0);
  let polled = start;
  while (nowUs() < start + seconds * 1e6) {
    const now = nowUs();
    pairs.forEach((pair, i) => {
      const begin = start + (i * 20000) / pairs.length;
      while (begin + fed[i] * 10000 <= now) pair.feed(speech, fed[i]++);
    });
    if (now - polled >= pollMs * 1000) {
      polled = now;
      for (const pair of pairs) pair.poll();
    }
    await sleep(3);
  }
}

async function main() {
  const want = JSON.parse(fs.readFileSync(0, "utf8"));
  const wrtc = require(want.module);
  const raw = fs.readFileSync(want.speech);
  const speech = new Int16Array(raw.buffer, raw.byteOffset, raw.length / 2);
  const pairs = want.paths.map(([near, far]) => new Pair(wrtc, near, far, want.capture !== null));
  for (const pair of pairs) await pair.connect();
  await talk(pairs, speech, want.seconds, want.pollMs);
  const results = pairs.map((pair, i) => ({
    series: pair.series,
    capture: want.capture && pair.captureStartUs ? pair.saveCapture(path.join(want.capture, `${i}.s16`)) : null,
  }));
  pairs.forEach((pair) => pair.close());
  process.stdout.write(JSON.stringify(results) + "\n", () => process.exit(0));
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
