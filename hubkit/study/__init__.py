"""The study file and the pipeline that joins the stages."""
