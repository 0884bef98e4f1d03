// SPDX-License-Identifier: Apache-2.0
// Writes the vocabularies of npm's llama3-tokenizer-js and llama-tokenizer-js as tokenizer.json, and the ids that
// they give for every text of a list.   node tokenizers.mjs TEXTS.json OUT_DIRECTORY
// TEXTS.json is an array of strings. OUT_DIRECTORY gets llama3.json, llama2.json and {llama3,llama2}_ids.json.
import fs from 'node:fs'
import path from 'node:path'
import llama3 from 'llama3-tokenizer-js'
import llama2 from 'llama-tokenizer-js'

const [textsFile, out] = process.argv.slice(2)
const texts = JSON.parse(fs.readFileSync(textsFile, 'utf8'))
const save = (name, value) => fs.writeFileSync(path.join(out, name), JSON.stringify(value))

// Both keep merges as a map from "left right" (texts, one space between) to the rank.
function merges(tokenizer, separator) {
  const ranked = [...tokenizer.merges.entries()].sort((a, b) => a[1] - b[1]).map(([pair]) => pair)
  return ranked.map(pair => {
    const at = pair.indexOf(separator, 1)
    return [pair.slice(0, at), pair.slice(at + 1)]
  })
}

const vocabulary = tokens => Object.fromEntries(tokens.map((text, id) => [text, id]))
const special = (id, content) => ({id, content, single_word: false, lstrip: false, rstrip: false, normalized: false,
  special: true})

const ranks = 128000
save('llama3.json', {
  added_tokens: llama3.vocabById.slice(ranks).map((text, i) => special(ranks + i, text)),
  normalizer: null,
  pre_tokenizer: {type: 'Sequence', pretokenizers: [
    {type: 'Split', behavior: 'Isolated', invert: false, pattern: {Regex:
      "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|" +
      '\\s+(?!\\S)|\\s+'}},
    {type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false}]},
  model: {type: 'BPE', ignore_merges: true, vocab: vocabulary(llama3.vocabById.slice(0, ranks)),
    merges: merges(llama3, ' ')}
})
save('llama3_ids.json', texts.map(text => llama3.encode(text, {bos: false, eos: false})))

save('llama2.json', {
  added_tokens: [special(0, '<unk>'), special(1, '<s>'), special(2, '</s>')],
  normalizer: {type: 'Sequence', normalizers: [
    {type: 'Prepend', prepend: '\u2581'}, {type: 'Replace', pattern: {String: ' '}, content: '\u2581'}]},
  pre_tokenizer: null,
  model: {type: 'BPE', byte_fallback: true, fuse_unk: true, unk_token: '<unk>', vocab: vocabulary(llama2.vocabById),
    merges: merges(llama2, ' ')}
})
save('llama2_ids.json', texts.map(text => llama2.encode(text, false, true)))
