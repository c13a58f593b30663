"""Qdrant, without a server: a collection in a folder, with texts and questions that ortembed embeds."""

from qdrant_client import QdrantClient
from qdrant_client.models import Distance, FieldCondition, Filter, MatchValue, VectorParams

from ortembed import Embedder

embedder = Embedder("all-minilm-l6-v2")
texts = ["A cat sat on the mat.", "Stocks fell sharply on Monday.", "Bake the bread for forty minutes."]
topics = ["animals", "money", "kitchen"]

client = QdrantClient(path="notes.qdrant")
if not client.collection_exists("notes"):
    client.create_collection("notes", VectorParams(size=embedder.dimension, distance=Distance.COSINE))
client.upload_collection(
    "notes",
    vectors=embedder.encode_document(texts),
    ids=range(len(texts)),
    payload=[{"text": text, "topic": topic} for text, topic in zip(texts, topics, strict=True)],
)

question = embedder.encode_query("kitten on a rug")
found = client.query_points("notes", query=question, limit=1)
print(found.points[0].payload["text"])

kitchen = Filter(must=[FieldCondition(key="topic", match=MatchValue(value="kitchen"))])
found = client.query_points("notes", query=question, query_filter=kitchen, limit=1)
print(found.points[0].payload["text"])
client.close()
