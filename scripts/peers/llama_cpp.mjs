// SPDX-License-Identifier: Apache-2.0
// Raw logits of llama.cpp behind every token of a list, teacher-forced, with a float32 key/value cache.
//   node llama_cpp.mjs MODEL.gguf 1,2,3 OUT.json      writes [[logit of token 0, ...], ...]
import fs from 'node:fs'
import {getLlama} from 'node-llama-cpp'

const [modelPath, list, out] = process.argv.slice(2)
const tokens = list.split(',').map(Number)
const llama = await getLlama({gpu: false, build: 'never', logLevel: 'error', maxThreads: 1})
const model = await llama.loadModel({modelPath})
const context = await model.createContext({contextSize: 64, batchSize: 64, flashAttention: false,
  experimentalKvCacheKeyType: 'F32', experimentalKvCacheValueType: 'F32'})
const sequence = context.getSequence()
const rows = []
for (const token of tokens) {
  const [result] = await sequence.controlledEvaluate([[token, {generateNext: {logits: true}}]])
  const row = []
  for (const [id, logit] of result.next.logits) row[id] = logit
  rows.push(row)
}
fs.writeFileSync(out, JSON.stringify(rows))
process.exit(0)
