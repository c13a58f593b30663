"""Chroma: a collection in a folder that embeds its texts and questions with ortembed."""

import chromadb

from ortembed.integrations.chroma import OrtembedEmbeddingFunction

client = chromadb.PersistentClient("notes.chroma", chromadb.Settings(anonymized_telemetry=False))
notes = client.get_or_create_collection(
    "notes",
    embedding_function=OrtembedEmbeddingFunction("all-minilm-l6-v2"),
)
notes.upsert(
    ids=["cat", "stocks", "bread"],
    documents=["A cat sat on the mat.", "Stocks fell sharply on Monday.", "Bake the bread for forty minutes."],
    metadatas=[{"topic": "animals"}, {"topic": "money"}, {"topic": "kitchen"}],
)

found = notes.query(query_texts=["kitten on a rug"], n_results=1)
print(found["documents"][0][0])

found = notes.query(query_texts=["kitten on a rug"], n_results=1, where={"topic": "kitchen"})
print(found["documents"][0][0])
