"""Charts as Lens keeps them: the state of a visualization, for saved objects of 8.19 and newer.

The shapes are those of Kibana's own LensConfigBuilder (8.19, 9.2) and of Kibana's sample data.
"""
