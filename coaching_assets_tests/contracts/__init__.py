"""What the product relies on beyond the documented interfaces of its libraries: one module per library.

After an upgrade, a failure here says which assumption broke, where the product makes it, and what to do.
"""
