"""LlamaIndex: an index, here in memory, that embeds its texts and questions with ortembed."""

from llama_index.core import VectorStoreIndex
from llama_index.core.schema import TextNode
from llama_index.core.vector_stores import MetadataFilter, MetadataFilters

from ortembed.integrations.llama_index import OrtembedEmbedding

notes = [
    TextNode(text="A cat sat on the mat.", metadata={"topic": "animals"}),
    TextNode(text="Stocks fell sharply on Monday.", metadata={"topic": "money"}),
    TextNode(text="Bake the bread for forty minutes.", metadata={"topic": "kitchen"}),
]
index = VectorStoreIndex(notes, embed_model=OrtembedEmbedding("all-minilm-l6-v2"))

found = index.as_retriever(similarity_top_k=1).retrieve("kitten on a rug")
print(found[0].text)

kitchen = MetadataFilters(filters=[MetadataFilter(key="topic", value="kitchen")])
found = index.as_retriever(similarity_top_k=1, filters=kitchen).retrieve("kitten on a rug")
print(found[0].text)
