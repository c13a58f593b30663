"""LangChain: a vector store, here in memory, that embeds its texts and questions with ortembed."""

from langchain_core.documents import Document
from langchain_core.vectorstores import InMemoryVectorStore

from ortembed.integrations.langchain import OrtembedEmbeddings

store = InMemoryVectorStore(OrtembedEmbeddings("all-minilm-l6-v2"))
store.add_documents(
    [
        Document("A cat sat on the mat.", metadata={"topic": "animals"}),
        Document("Stocks fell sharply on Monday.", metadata={"topic": "money"}),
        Document("Bake the bread for forty minutes.", metadata={"topic": "kitchen"}),
    ]
)

print(store.similarity_search("kitten on a rug", k=1)[0].page_content)


def is_of_the_kitchen(note: Document) -> bool:
    """Tell whether a note is of the kitchen."""
    return note.metadata["topic"] == "kitchen"


print(store.similarity_search("kitten on a rug", k=1, filter=is_of_the_kitchen)[0].page_content)
