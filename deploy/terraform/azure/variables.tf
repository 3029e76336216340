variable "subscription_id" {
  description = "The subscription that pays."
  type        = string
}

variable "location" {
  description = "The region."
  type        = string
  default     = "swedencentral"
}

variable "name" {
  description = "What everything is called after: small letters, digits and hyphens."
  type        = string
  default     = "weir"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,14}[a-z0-9]$", var.name))
    error_message = "3 to 16 small letters, digits and hyphens, beginning with a letter: names of Azure's leave no more."
  }
}

variable "tags" {
  description = "Tags on everything."
  type        = map(string)
  default     = {}
}

variable "enable_observability" {
  description = "Container Insights, Log Analytics, managed Prometheus and managed Grafana. Without it only the cluster and Weir's identity are made."
  type        = bool
  default     = true
}

variable "kubernetes_version" {
  description = "The cluster's version; null is Azure's default."
  type        = string
  default     = null
}

variable "node_size" {
  description = "The size of the nodes."
  type        = string
  default     = "Standard_D4ds_v5"
}

variable "node_count" {
  description = "How many nodes there are at least, and at most."
  type        = object({ min = number, max = number })
  default     = { min = 2, max = 5 }
}

variable "namespace" {
  description = "Where Weir runs."
  type        = string
  default     = "llm"
}

variable "app" {
  description = "The name of Weir's container, by which its lines are found."
  type        = string
  default     = "llm-proxy"
}

variable "service_account" {
  description = "Weir's service account: the name of the chart's release."
  type        = string
  default     = "weir"
}

variable "retention_days" {
  description = "Days for which lines can be queried in Log Analytics."
  type        = number
  default     = 30

  validation {
    condition     = var.retention_days >= 30 && var.retention_days <= 730
    error_message = "30 to 730 days: more is long-term retention, total_retention_days."
  }
}

variable "total_retention_days" {
  description = "Days for which lines are kept at all, for less money and by search jobs only from retention_days on."
  type        = number
  default     = 365

  validation {
    condition     = var.total_retention_days >= 30 && var.total_retention_days <= 4383
    error_message = "30 to 4383 days."
  }
}

variable "only_records" {
  description = "Whether of Weir's container only lines of Records are kept, which costs less."
  type        = bool
  default     = true
}

variable "grafana_admins" {
  description = "Object ids of those who administer Grafana."
  type        = set(string)
  default     = []
}

variable "grafana_major_version" {
  description = "The version of managed Grafana."
  type        = string
  default     = "11"
}

variable "openai_account_ids" {
  description = "Resource ids of the Azure OpenAI accounts that Weir calls, without a key."
  type        = set(string)
  default     = []
}

variable "cost_per_hour_usd" {
  description = "What an organization may spend in an hour before an alert is raised, in US dollars."
  type        = number
  default     = 50
}
