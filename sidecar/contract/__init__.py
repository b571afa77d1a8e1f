"""What a config may say: from bytes that anybody may have written to a document that is trusted.

`accept.read` is the one way in. Nothing here touches a disk but for the schema that the program
carries, and nothing decides what is done with a config.
"""
